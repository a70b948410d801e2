"""OpenAI's Videos API, for its clients as they are: `/openai/v1/videos`."""

from flask import Response

from functions.http.bodies import (
    answer,
    read_key,
    read_query,
)
from functions.http.router import (
    Call,
    Route,
)
from functions.openai import operations as operation
from functions.openai.bodies import (
    read_asked,
    read_sending,
)
from functions.openai.request import (
    InlineImage,
    OpenAIRequest,
)
from functions.openai.video import (
    LIST_FIELDS,
    show_page,
    show_video,
)
from shared import wiring
from shared.domain.errors import Conflict, ConflictReason, NotFound
from shared.ports.identity import Caller
from shared.usecases.keep_upload import Keep

# The client asks every second unless it is told otherwise.
POLL_HEADERS = {"openai-poll-after-ms": "2000"}


def _create_video(call: Call) -> Response:
    asked = OpenAIRequest.parse(read_asked(call.request))
    key, client_retry = read_key(call.request), read_sending(call.request)
    image, keep = _image(asked, call.caller)
    request = asked.video_request(image)
    taken = wiring.create_video()(
        call.caller, request, call.language, key, client_retry=client_retry, keep=keep
    )
    headers = {"Idempotent-Replayed": "true"} if taken.replayed else {}
    return answer(show_video(taken.job, call.language), headers=headers)


def _image(asked: OpenAIRequest, caller: Caller) -> tuple[str | None, Keep | None]:
    """The name of an image out of the request itself, and what keeps it."""
    image = asked.reference
    if not isinstance(image, InlineImage):
        return None, None
    return wiring.keep_upload()(caller, image.content, image.content_type)


def _get_video(call: Call) -> Response:
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    return answer(show_video(job, call.language), headers=POLL_HEADERS)


def _list_videos(call: Call) -> Response:
    asked = read_query(call.request, LIST_FIELDS)
    limit, after = asked["limit"], asked["after"]
    videos = wiring.list_videos()
    if after is None:
        page = videos(call.caller, limit=limit, status=None, cursor=None)
    else:
        page = videos.after(call.caller, job_id=after, limit=limit)
    return answer(show_page(page, call.language))


def _download_content(call: Call) -> Response:
    """Conflict while there is no video; NotFound for what we don't make of one."""
    if call.request.args.get("variant", "video") != "video":
        raise NotFound("thumbnails and spritesheets are not made")
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    if job.video_url is None:
        raise Conflict(reason=ConflictReason.NO_VIDEO)
    return Response(status=302, headers={"Location": job.video_url})


def _delete_video(call: Call) -> Response:
    job_id = call.arguments["job_id"]
    wiring.delete_video()(call.caller, job_id)
    return answer({"id": job_id, "deleted": True, "object": "video.deleted"})


VIDEOS, ONE_VIDEO = "/openai/v1/videos", "/openai/v1/videos/<job_id>"

OPENAI_ROUTES = (
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
        method="GET",
        path=f"{ONE_VIDEO}/content",
        handler=_download_content,
        operation=operation.CONTENT_OPERATION,
    ),
    Route(
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        operation=operation.DELETE_OPERATION,
    ),
)
