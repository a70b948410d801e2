"""Describes the requests that Reelay sends to users' servers: OpenAPI's `webhooks`."""

from collections.abc import Mapping
from typing import Any

from functions.http.components import example_of
from functions.http.openapi import parameter
from functions.http.route import JSON
from functions.http.schemas import choice, described, moment, record
from functions.video_schemas import VIDEO
from shared.domain.projection import Status
from shared.domain.webhook import WebhookStatus

EVENT = record(
    "VideoEvent",
    "The body of a webhook.",
    type=described(
        choice(
            "VideoEventType",
            (f"video.{status}" for status in Status if status != Status.PROCESSING),
        ),
        "How the job ended; a cancelled one has failed.",
        "video.completed",
    ),
    timestamp=moment("When it ended.", "2026-11-28T12:01:10.000Z"),
    data=described(VIDEO, "The video, as `GET /v1/videos/{job_id}` shows it."),
)
_EXAMPLE = example_of(EVENT)
# A message that is being sent isn't delivered yet.
_EXAMPLE["data"]["webhook"] = {"status": WebhookStatus.PENDING.value, "attempts": 0}
HEADERS = {
    "webhook-id": "The same however often this message is sent: ignore one that you "
    "have had.",
    "webhook-timestamp": "When it was sent, in seconds since 1970. Refuse one that is "
    "more than five minutes old.",
    "webhook-signature": "`v1,` and the HMAC-SHA256, in base64, of id, timestamp and "
    "body, joined by dots, under your key's webhook secret (`whsec_…`).",
}
# A tag that no route has, or openapi-generator overwrites one class with the other.
WEBHOOK_TAG = "webhooks"
WEBHOOKS: Mapping[str, Any] = {
    "videoEnded": {
        "post": {
            "operationId": "video_ended",
            "summary": "A video has ended",
            "description": "Sent to the request's `webhook_url` as Standard Webhooks "
            "specify. Answer within ten seconds with any 2xx. Otherwise it is sent "
            "again, eight times in all within a day, and not before what `Retry-After` "
            "asks for, up to an hour; 410 stops that.",
            "tags": [WEBHOOK_TAG],
            "security": [],
            "parameters": [
                parameter("header", name, {"type": "string"}, what, required=True)
                for name, what in HEADERS.items()
            ],
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": {"$ref": EVENT}, "example": _EXAMPLE}},
            },
            "responses": {"204": {"description": "No Content"}},
        }
    }
}
