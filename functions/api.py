"""The function `api`: HTTPS for everybody with a token."""

from typing import Any

from flask import Request, Response

from functions.admin import ADMIN_ROUTES
from functions.bodies import answer, read_key, read_object
from functions.router import Call, Route, Router
from shared import wiring
from shared.domain.job import Job
from shared.domain.projection import moment, project
from shared.domain.request import UploadRequest, VideoRequest


def api(request: Request) -> Response:
    """Entry point."""
    return _router()(request)


@wiring.once
def _router() -> Router:
    settings = wiring.settings()
    return Router(ROUTES, wiring.tokens(), settings.allowed_origins)


def _health(_call: Call) -> Response:
    return answer({"status": "ok"})


def _create_video(call: Call) -> Response:
    asked = VideoRequest.parse(read_object(call.request))
    key = read_key(call.request)
    taken = wiring.create_video()(call.caller, asked, call.language, key)
    headers = {"Location": f"/v1/videos/{taken.job.job_id}"}
    if taken.replayed:
        headers["Idempotent-Replayed"] = "true"
    return answer(_shown(taken.job, call), 202, headers)


def _get_video(call: Call) -> Response:
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    return answer(_shown(job, call))


def _cancel_video(call: Call) -> Response:
    job = wiring.cancel_video()(call.caller, call.arguments["job_id"])
    return answer(_shown(job, call), 202)


def _start_upload(call: Call) -> Response:
    asked = UploadRequest.parse(read_object(call.request))
    image, signed = wiring.start_upload()(call.caller, asked)
    body = {
        "image": image,
        "upload_url": signed.url,
        "headers": dict(signed.headers),
        "expires_at": moment(signed.expires_at),
    }
    return answer(body, 201)


def _shown(job: Job, call: Call) -> dict[str, Any]:
    return project(job, call.language)


ROUTES = (
    Route(method="GET", path="/health", handler=_health, is_open=True),
    Route(method="POST", path="/v1/uploads", handler=_start_upload),
    Route(method="POST", path="/v1/videos", handler=_create_video),
    Route(method="GET", path="/v1/videos/<job_id>", handler=_get_video),
    Route(method="POST", path="/v1/videos/<job_id>/cancel", handler=_cancel_video),
    *ADMIN_ROUTES,
)
