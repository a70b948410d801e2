"""Gemini Omni at the Gemini API: interactions, files, an API key."""

import base64
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from werkzeug import Request, Response

from local.fault_kinds import Kind, Place, ProviderId
from local.faults import Fault
from local.http_server import as_json
from local.simulators.google_errors import (
    INTERNAL,
    RefusedOrderError,
    error_reply,
    interaction_error,
)
from local.simulators.images import ImageError, from_base64, stand_in
from local.simulators.server import View
from local.simulators.vendor_backend import Generation, Phase, VendorBackend, VideoOrder
from local.simulators.veo import shape_of

_TOKENS_PER_SECOND = 5792
_SHORT_SIDE = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}
# By model: the longest video in seconds, and USD per second by resolution.
_MODELS = {
    "gemini-omni-1.2-flash": (
        15,
        {"360p": "0.023", "720p": "0.07", "1080p": "0.105", "4k": "0.21"},
    ),
    "gemini-omni-1.1-flash": (
        10,
        {"360p": "0.03", "720p": "0.10", "1080p": "0.15", "4k": "0.30"},
    ),
}
# What Omni takes of a request, by the place in its body.
_FIELDS = {
    "the request": {
        *("model", "input", "background", "store", "stream", "previous_interaction_id"),
        *("response_format", "generation_config", "labels", "webhook_config"),
    },
    "response_format": {
        *("type", "aspect_ratio", "duration", "resolution", "delivery", "gcs_uri"),
    },
    "generation_config": {"seed", "video_config"},
}
_MAX_SEED = 2**31 - 1
_STATUS = {
    Kind.FAILED: "failed",
    Kind.FAILED_SAFETY: "failed",
    Kind.CANCELLED: "cancelled",
    Kind.INCOMPLETE: "incomplete",
    Kind.REQUIRES_ACTION: "requires_action",
    Kind.BUDGET_EXCEEDED: "budget_exceeded",
}


@dataclass(slots=True, kw_only=True)
class _Interaction:
    file_id: str
    is_inline: bool
    inline: bytes = b""


class Omni:
    """Background interactions that make a video."""

    def __init__(self, backend: VendorBackend) -> None:
        self._backend = backend
        self._interactions: dict[str, _Interaction] = {}

    @property
    def routes(self) -> Sequence[tuple[str, str, Place, View]]:
        version, one = r"/v1(?:beta)?", r"/interactions/([^/]+)"
        file = r"/files/([a-z0-9]+):download"
        return (
            ("POST", f"{version}/interactions", Place.START, self._start),
            ("POST", f"{version}{one}/cancel", Place.CANCEL, self._cancel),
            ("GET", f"{version}{one}", Place.POLL, self._poll),
            ("GET", f"{version}{file}", Place.FETCH, self._download),
        )

    def provider(self, _: Request) -> ProviderId:
        return ProviderId.OMNI

    def refusal(self, request: Request) -> Response | None:
        if request.headers.get("x-goog-api-key") or request.args.get("key"):
            return None
        text = "Method doesn't allow unregistered callers. Please use an API key."
        return error_reply(Kind.FORBIDDEN, text)

    def error(self, kind: Kind) -> Response:
        return interaction_error(kind)

    def _start(self, request: Request, _: Fault | None) -> Response:
        try:
            body = json.loads(request.get_data())
            model = body["model"]
        except (ValueError, KeyError, TypeError):
            return interaction_error(Kind.BAD_REQUEST, "A model is required.")
        if model not in _MODELS:
            text = f"models/{model} is not found, or is not supported for interactions."
            return interaction_error(Kind.NOT_FOUND, text)
        try:
            order = self._order(body)
        except (RefusedOrderError, ImageError) as error:
            return interaction_error(Kind.BAD_REQUEST, str(error))
        return as_json(self._summary(self._backend.accept(order)))

    def _order(self, body: dict[str, Any]) -> VideoOrder:
        """Raises RefusedOrderError or ImageError."""
        wanted = body.get("response_format")
        if not isinstance(wanted, dict) or wanted.get("type") != "video":
            raise RefusedOrderError("response_format must be of type video.")
        _check_fields(body)
        max_seconds, prices = _MODELS[body["model"]]
        resolution = wanted.get("resolution", "720p")
        aspect, delivery = wanted.get("aspect_ratio", "16:9"), wanted.get("delivery")
        if resolution not in _SHORT_SIDE or aspect not in ("16:9", "9:16"):
            raise RefusedOrderError("Invalid resolution or aspect_ratio.")
        if delivery not in (None, "inline", "uri"):
            raise RefusedOrderError("Invalid delivery.")
        seconds = _seconds(wanted.get("duration", "8s"), max_seconds)
        prompt, image = _input(body.get("input"))
        interaction = _Interaction(
            file_id=secrets.token_hex(6), is_inline=delivery != "uri"
        )
        order = VideoOrder(
            provider=ProviderId.OMNI,
            task_id=f"v1_{secrets.token_urlsafe(24)}",
            model=body["model"],
            prompt=prompt,
            image=image,
            shape=shape_of(aspect, _SHORT_SIDE[resolution], seconds, audio=True),
            cost_usd=Decimal(prices[resolution]) * seconds,
            deliver=lambda video: self._deliver(order, interaction, video),
        )
        self._interactions[order.task_id] = interaction
        return order

    def _deliver(
        self, order: VideoOrder, interaction: _Interaction, video: bytes
    ) -> None:
        """A fault of fetching hits an inline video here, any other at its download."""
        if interaction.is_inline:
            interaction.inline = self._backend.in_place(order, video) or b""

    def _poll(self, request: Request, task_id: str, _: Fault | None) -> Response:
        found = self._backend.poll(task_id)
        if found is None:
            return interaction_error(Kind.NOT_FOUND)
        return as_json(self._details(found, request))

    def _cancel(self, request: Request, task_id: str, _: Fault | None) -> Response:
        found = self._backend.poll(task_id)
        if found is None:
            return interaction_error(Kind.NOT_FOUND)
        if found.is_final:
            return as_json(self._details(found, request))
        found.stop()
        return as_json(self._summary(found) | {"status": "cancelled"})

    def _download(
        self, request: Request, file_id: str, fault: Fault | None
    ) -> Response:
        for task_id, interaction in list(self._interactions.items()):
            found = self._backend.find(task_id)
            is_there = found and found.has_video and not found.end_reported
            if found and is_there and interaction.file_id == file_id:
                return self._backend.file(found, fault, request)
        return error_reply(Kind.FORBIDDEN)

    def _summary(self, generation: Generation) -> dict[str, object]:
        created = generation.created_at.isoformat(timespec="seconds")
        created = created.replace("+00:00", "Z")
        return {
            "id": generation.order.task_id,
            "object": "interaction",
            "model": generation.order.model,
            "status": _status(generation),
            "created": created,
            "updated": created,
        }

    def _details(self, generation: Generation, request: Request) -> dict[str, object]:
        """A GET's response: with errors if it failed, with steps if it completed."""
        summary, order = self._summary(generation), generation.order
        if summary["status"] == "failed":
            is_safety = generation.fate is Kind.FAILED_SAFETY
            error = ("SAFETY", "blocked") if is_safety else ("INTERNAL", INTERNAL)
            return summary | {"errors": [{"code": error[0], "message": error[1]}]}
        if summary["status"] != "completed":
            return summary
        text = [{"type": "text", "text": order.prompt}]
        steps = [
            {"type": "user_input", "content": text},
            {"type": "model_output", "content": self._output(generation, request)},
        ]
        tokens = round(order.shape.duration_seconds) * _TOKENS_PER_SECOND
        return summary | {"steps": steps, "usage": {"total_tokens": tokens}}

    def _output(
        self, generation: Generation, request: Request
    ) -> list[dict[str, object]]:
        if not generation.shows_video():
            return []
        interaction = self._interactions[generation.order.task_id]
        video: dict[str, object] = {"type": "video", "mime_type": "video/mp4"}
        if interaction.is_inline:
            return [video | {"data": base64.b64encode(interaction.inline).decode()}]
        file = (
            f"{request.host_url}v1beta/files/{interaction.file_id}:download?alt=media"
        )
        return [video | {"uri": file}]


def _check_fields(body: dict[str, Any]) -> None:
    for place, known in _FIELDS.items():
        values = body if place == "the request" else body.get(place, {})
        if unknown := values.keys() - known:
            raise RefusedOrderError(f"Unknown parameter {min(unknown)!r} in {place}.")
    seed = body.get("generation_config", {}).get("seed", 0)
    if type(seed) is not int or not -_MAX_SEED - 1 <= seed <= _MAX_SEED:
        raise RefusedOrderError(
            f"Invalid value at 'generation_config.seed' (TYPE_INT32), {seed}"
        )


def _seconds(text: object, max_seconds: int) -> int:
    matched = re.fullmatch(r"(\d+)s", str(text))
    if matched is None or not 3 <= int(matched[1]) <= max_seconds:
        raise RefusedOrderError(
            f"duration must be 3s to {max_seconds}s, in whole seconds."
        )
    return int(matched[1])


def _input(steps: Any) -> tuple[str, bytes]:
    """The text of the only user_input step, and its image or a stand-in."""
    match steps:
        case [{"type": "user_input", "content": [*parts]}]:
            by_type = {part.get("type"): part for part in parts}
        case _:
            raise RefusedOrderError("input must hold a text.")
    try:
        text = by_type["text"]["text"]
        if "image" not in by_type:
            return text, stand_in()
        return text, from_base64(by_type["image"]["data"])
    except (KeyError, TypeError) as error:
        raise RefusedOrderError("input must hold a text.") from error


def _status(generation: Generation) -> str:
    if generation.phase is Phase.STOPPED:
        return "cancelled"
    if generation.phase is not Phase.ENDED:
        is_unknown = generation.fate is Kind.UNKNOWN_STATUS
        is_queued = generation.phase is Phase.THROTTLED
        return "migrating" if is_unknown else "queued" if is_queued else "in_progress"
    if generation.problem is not None:
        return "failed"
    return _STATUS.get(generation.fate or Kind.NO_OUTPUT, "completed")
