"""The api's routes about videos: create, get, list, cancel and delete."""

from collections.abc import Mapping
from math import ceil

from flask import Request, Response

from functions.http.bodies import json_response, read_key, read_object, read_query
from functions.http.response_headers import base_path
from functions.http.route import Body, Call, Route
from functions.http.schemas import ordering
from functions.video_schemas import VIDEO, VIDEO_PAGE
from shared.domain.errors import Conflict, ConflictReason, NotFound
from shared.domain.fields import Field
from shared.domain.job import Job
from shared.domain.listing import DEFAULT_LIMIT, LIST_FIELDS, MAX_LISTED, Cursor
from shared.domain.projection import Status, localized, project
from shared.domain.request import VIDEO_FIELDS, VideoRequest
from shared.wiring import use_cases

MIN_TOKENS, VIDEOS_PER_TOKEN = 2, 5
VIDEOS, ONE_VIDEO = "/v1/videos", "/v1/videos/<job_id>"

PAGE_FIELDS: Mapping[str, Field] = {
    **LIST_FIELDS,
    "cursor": Field(
        spec=Cursor(), description="The `next_cursor` of the previous page."
    ),
}
VIDEO_BODY = Body(
    title="VideoRequest",
    description="The video to make.",
    fields=VIDEO_FIELDS,
    small_example={"prompt": VIDEO_FIELDS["prompt"].example, "duration": 4},
)

# Firestore doesn't keep the order of fields: this makes a list show them as `GET` does.
_PAGE_IN_ORDER = ordering(VIDEO_PAGE)

JOB_ID = {"job_id": "The `job_id` of one of your videos."}
IDEMPOTENCY_KEY = {
    "Idempotency-Key": (
        "The same key and body return the same job, however often they are sent."
    )
}


def _create_video(call: Call) -> Response:
    request = VideoRequest.parse(read_object(call.request))
    key = read_key(call.request)
    result = use_cases.create_video()(call.caller, request, call.language, key)
    job = result.job
    headers = {"Location": f"{base_path(call.request)}v1/videos/{job.job_id}"}
    if result.replayed:
        headers["Idempotent-Replayed"] = "true"
    if job.delivered:
        job = _with_fresh_urls(call, job)
    return json_response(project(job, call.language), 202, headers)


def _with_fresh_urls(call: Call, job: Job) -> Job:
    try:
        return use_cases.get_video()(call.caller, job.job_id)
    except NotFound:  # it was deleted since the request found it
        raise Conflict(reason=ConflictReason.JOB_DELETED) from None


def _get_video(call: Call) -> Response:
    job = use_cases.get_video()(call.caller, call.arguments["job_id"])
    return json_response(project(job, call.language))


def list_tokens(request: Request) -> int:
    """The cost of a list against its caller's rate: each video is a database read."""
    limit = request.args.get("limit", DEFAULT_LIMIT, type=int)
    return max(MIN_TOKENS, ceil(min(limit, MAX_LISTED) / VIDEOS_PER_TOKEN))


def _list_videos(call: Call) -> Response:
    query = read_query(call.request, PAGE_FIELDS)
    status = query["status"] and Status(query["status"])
    page = use_cases.list_videos()(
        call.caller, limit=query["limit"], status=status, after=query["cursor"]
    )
    videos = [localized(video, call.language) for video in page.videos]
    shown = {"videos": videos, "next_cursor": page.next_cursor}
    return json_response(_PAGE_IN_ORDER(shown))


def _delete_video(call: Call) -> Response:
    use_cases.delete_video()(call.caller, call.arguments["job_id"])
    return Response(status=204)


def _cancel_video(call: Call) -> Response:
    job = use_cases.cancel_video()(call.caller, call.arguments["job_id"])
    return json_response(project(job, call.language), 202)


VIDEO_ROUTES = (
    Route(
        method="POST",
        path=VIDEOS,
        handler=_create_video,
        spends=True,
        summary="Create a video",
        description="Starts a job and returns at once; generative AI makes the "
        "video in the background. Its price is reserved from your limits until "
        "the job ends.",
        tag="videos",
        body=VIDEO_BODY,
        has_price=True,
        request_headers=IDEMPOTENCY_KEY,
        responses={202: VIDEO},
        response_headers=("Location", "Idempotent-Replayed"),
        problems=(409, 429, 501),
    ),
    Route(
        method="GET",
        path=VIDEOS,
        handler=_list_videos,
        tokens=list_tokens,
        summary="List your videos",
        description="Newest first, a page at a time.",
        tag="videos",
        query=PAGE_FIELDS,
        responses={200: VIDEO_PAGE},
    ),
    Route(
        method="GET",
        path=ONE_VIDEO,
        handler=_get_video,
        summary="Get a video",
        description="Poll it every few seconds, or listen to the Firestore "
        "document `videos/{job_id}`, which has the same fields.",
        tag="videos",
        arguments=JOB_ID,
        responses={200: VIDEO},
    ),
    Route(
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        summary="Delete a video",
        description="Deletes the record, the images and the MP4 of a job that has "
        "finished.",
        tag="videos",
        arguments=JOB_ID,
        responses={204: None},
        problems=(409,),
    ),
    Route(
        method="POST",
        path=f"{ONE_VIDEO}/cancel",
        handler=_cancel_video,
        summary="Cancel a video",
        description="The job ends `failed` with the error code `cancelled`, or "
        "`completed` if the video already exists. A provider may still charge for "
        "what it has begun.",
        tag="videos",
        arguments=JOB_ID,
        responses={202: VIDEO},
        problems=(409,),
    ),
)
