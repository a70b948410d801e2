"""Routes of OpenAI's Videos API, for its unmodified clients: `/openai/v1/videos`."""

from functools import partial

from flask import Response

from functions.http.bodies import json_response, read_key, read_query
from functions.http.receiving import LARGE_BODY_BYTES
from functions.http.route import Body, Call, Route
from functions.openai.errors import ERRORS
from functions.openai.request import (
    CREATE_FIELDS,
    read_body,
    read_client_retry,
    read_request,
)
from functions.openai.video import (
    CONTENT_FIELDS,
    DELETED,
    LIST_FIELDS,
    MODEL,
    MODELS,
    PAGE,
    THUMBNAIL,
    VIDEO,
    show_model,
    show_models,
    show_page,
    show_video,
)
from functions.videos import IDEMPOTENCY_KEY, list_tokens
from shared.domain.catalogue import MODEL_CHOICES
from shared.domain.errors import (
    Conflict,
    ConflictReason,
    FieldError,
    InvalidRequest,
    NotFound,
)
from shared.domain.projection import project
from shared.domain.structs import replace
from shared.wiring import use_cases

# Without it the client polls every second.
POLL_HEADERS = {"openai-poll-after-ms": "3000"}

VIDEO_ID = {"job_id": "The `id` of one of your videos."}


def _create_video(call: Call) -> Response:
    request, image = read_request(read_body(call.request))
    key, client_retry = read_key(call.request), read_client_retry(call.request)
    store_image = None
    if image:
        store = use_cases.store_inline_image()
        name, store_image = store(call.caller, image.content, image.content_type)
        request = replace(request, image=name)
    result = use_cases.create_video()(
        call.caller,
        request,
        call.language,
        key,
        client_retry=client_retry,
        store_image=store_image,
    )
    headers = {"Idempotent-Replayed": "true"} if result.replayed else {}
    return json_response(
        show_video(project(result.job, call.language)), headers=headers
    )


def _get_video(call: Call) -> Response:
    job = use_cases.get_video()(call.caller, call.arguments["job_id"])
    return json_response(show_video(project(job, call.language)), headers=POLL_HEADERS)


def _list_videos(call: Call) -> Response:
    query = read_query(call.request, LIST_FIELDS)
    limit, after = query["limit"], query["after"]
    videos = use_cases.list_videos()
    if after is None:
        page = videos(call.caller, limit=limit)
    else:
        page = videos.after(call.caller, job_id=after, limit=limit)
    return json_response(show_page(page, call.language))


def _download_content(call: Call) -> Response:
    """InvalidRequest for an unsupported variant; Conflict while there is no video."""
    variant = read_query(call.request, CONTENT_FIELDS)["variant"]
    job = use_cases.get_video()(call.caller, call.arguments["job_id"])
    if job.video_url is None:
        raise Conflict(reason=ConflictReason.NO_VIDEO)
    url = job.poster_url if variant == THUMBNAIL else job.video_url
    if url is None:
        raise Conflict(reason=ConflictReason.NO_POSTER)
    return Response(status=302, headers={"Location": url})


def _list_models(_call: Call) -> Response:
    return json_response(show_models(use_cases.list_models().choices()))


def _get_model(call: Call) -> Response:
    """A name that isn't ours exists, too: as in a video request, it means `auto`."""
    name = call.arguments["model"]
    if name in MODEL_CHOICES and name not in use_cases.list_models().choices():
        raise NotFound
    return json_response(show_model(name))


def _not_offered(method: str, path: str, feature: str) -> Route:
    """Explains that a feature of OpenAI's API is missing, in place of a 404 or 405."""

    def refuse(_call: Call) -> Response:
        raise InvalidRequest((FieldError(field=feature, reason="not_offered"),))

    return Route(method=method, path=path, handler=refuse, max_bytes=0)


def _delete_video(call: Call) -> Response:
    job_id = call.arguments["job_id"]
    use_cases.delete_video()(call.caller, job_id)
    return json_response({"id": job_id, "deleted": True, "object": "video.deleted"})


# All of these calls answer errors in OpenAI's format.
_route = partial(Route, tag="openai", errors=ERRORS)
VIDEOS, ONE_VIDEO = "/openai/v1/videos", "/openai/v1/videos/<job_id>"

OPENAI_ROUTES = (
    _route(
        method="POST",
        path=VIDEOS,
        handler=_create_video,
        max_bytes=LARGE_BODY_BYTES,
        spends=True,
        summary="Create a video (OpenAI)",
        description="As OpenAI's clients do it, with a form or JSON. Generative "
        "AI makes the video.",
        body=Body(
            title="OpenAIVideoRequest",
            description="The video to make.",
            fields=CREATE_FIELDS,
            takes_form=True,
        ),
        has_price=True,
        request_headers=IDEMPOTENCY_KEY
        | {
            "x-stainless-retry-count": (
                "Set by OpenAI's clients. Above 0 and without a key, it returns "
                "the job that the same request created in the last 15 minutes."
            )
        },
        responses={200: VIDEO},
        response_headers=("Idempotent-Replayed",),
        problems=(409, 429),
    ),
    _route(
        method="GET",
        path=VIDEOS,
        handler=_list_videos,
        tokens=list_tokens,
        summary="List your videos (OpenAI)",
        description="Newest first, a page at a time.",
        query=LIST_FIELDS,
        responses={200: PAGE},
    ),
    _route(
        method="GET",
        path=ONE_VIDEO,
        handler=_get_video,
        summary="Get a video (OpenAI)",
        description="The same job as `GET /v1/videos/{job_id}`.",
        arguments=VIDEO_ID,
        responses={200: VIDEO},
    ),
    _route(
        method="GET",
        path=f"{ONE_VIDEO}/content",
        handler=_download_content,
        summary="Download the MP4 or its thumbnail (OpenAI)",
        description="Redirects to a signed URL; 409 while there is no video.",
        arguments=VIDEO_ID,
        query=CONTENT_FIELDS,
        responses={302: None},
        response_headers=("Location",),
        problems=(409,),
    ),
    _route(
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        summary="Delete a video (OpenAI)",
        description="Deletes the record, the images and the MP4 of a job that has "
        "finished.",
        arguments=VIDEO_ID,
        responses={200: DELETED},
        problems=(409,),
    ),
    _route(
        method="GET",
        path="/openai/v1/models",
        handler=_list_models,
        summary="List the models (OpenAI)",
        description="The names that `model` takes. Clients use it to test a "
        "connection.",
        responses={200: MODELS},
    ),
    _route(
        method="GET",
        path="/openai/v1/models/<model>",
        handler=_get_model,
        summary="Get a model (OpenAI)",
        description="Whether `model` takes the name.",
        arguments={"model": "`auto` or a provider's name."},
        responses={200: MODEL},
    ),
    _not_offered("POST", f"{ONE_VIDEO}/remix", "remix"),
    _not_offered("POST", f"{VIDEOS}/edits", "edits"),
    _not_offered("POST", f"{VIDEOS}/extensions", "extensions"),
    _not_offered("POST", f"{VIDEOS}/characters", "characters"),
    _not_offered("GET", f"{VIDEOS}/characters/<character_id>", "characters"),
)
