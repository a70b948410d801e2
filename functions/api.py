"""The function `api`: HTTPS for everybody with a token."""

from typing import Any

from flask import Request, Response

from functions import video_calls as operation
from functions.admin import ADMIN_ROUTES
from functions.docs.routes import open_routes
from functions.http.base_path import root
from functions.http.bodies import (
    answer,
    read_key,
    read_object,
    read_query,
)
from functions.http.router import (
    Call,
    Route,
    Router,
)
from functions.models import OFFER_ROUTES
from functions.openai.errors import openai_problem
from functions.openai.routes import OPENAI_ROUTES
from functions.usage import USAGE_ROUTES
from shared import wiring
from shared.domain.job import Job
from shared.domain.projection import Status, moment, project
from shared.domain.request import UploadRequest, VideoRequest


def api(request: Request) -> Response:
    """Entry point."""
    return _router()(request)


@wiring.once
def _router() -> Router:
    settings = wiring.settings()
    return Router(
        ROUTES,
        wiring.tokens(),
        settings.allowed_origins,
        settings.project,
        tell={"/openai/": openai_problem},
    )


def _health(_call: Call) -> Response:
    return answer({"status": "ok"})


def _create_video(call: Call) -> Response:
    asked = VideoRequest.parse(read_object(call.request))
    key = read_key(call.request)
    taken = wiring.create_video()(call.caller, asked, call.language, key)
    where = f"{root(call.request)}v1/videos/{taken.job.job_id}"
    headers = {"Location": where}
    if taken.replayed:
        headers["Idempotent-Replayed"] = "true"
    return answer(_shown(taken.job, call), 202, headers)


def _get_video(call: Call) -> Response:
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    return answer(_shown(job, call))


def _list_videos(call: Call) -> Response:
    asked = read_query(call.request, operation.PAGE_FIELDS)
    status = asked["status"] and Status(asked["status"])
    page = wiring.list_videos()(
        call.caller, limit=asked["limit"], status=status, cursor=asked["cursor"]
    )
    videos = [_shown(job, call) for job in page.jobs]
    return answer({"videos": videos, "next_cursor": page.next_cursor})


def _delete_video(call: Call) -> Response:
    wiring.delete_video()(call.caller, call.arguments["job_id"])
    return Response(status=204)


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


VIDEOS, ONE_VIDEO = "/v1/videos", "/v1/videos/<job_id>"

VIDEO_ROUTES = (
    Route(
        method="POST",
        path=VIDEOS,
        handler=_create_video,
        operation=operation.CREATE_OPERATION,
        spends=True,
    ),
    Route(
        method="GET",
        path=VIDEOS,
        handler=_list_videos,
        operation=operation.LIST_OPERATION,
    ),
    Route(
        method="GET",
        path=ONE_VIDEO,
        handler=_get_video,
        operation=operation.GET_OPERATION,
    ),
    Route(
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        operation=operation.DELETE_OPERATION,
    ),
    Route(
        method="POST",
        path=f"{ONE_VIDEO}/cancel",
        handler=_cancel_video,
        operation=operation.CANCEL_OPERATION,
    ),
    Route(
        method="POST",
        path="/v1/uploads",
        handler=_start_upload,
        operation=operation.UPLOAD_OPERATION,
    ),
)
HEALTH = Route(
    method="GET",
    path="/health",
    handler=_health,
    operation=operation.HEALTH_OPERATION,
    is_open=True,
)
DESCRIBED = (
    *VIDEO_ROUTES,
    *OFFER_ROUTES,
    *USAGE_ROUTES,
    *ADMIN_ROUTES,
    *OPENAI_ROUTES,
    HEALTH,
)
ROUTES = (*DESCRIBED, *open_routes(DESCRIBED))
