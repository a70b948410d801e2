"""OpenAI's Videos API, for its clients as they are: `/openai/v1/videos`."""

from flask import Response

from functions.http.bodies import answer, read_key, read_query
from functions.http.receiving import LARGE_BODY_BYTES
from functions.http.route import Body, Call, Operation, Route
from functions.openai.errors import REFUSAL
from functions.openai.request import (
    CREATE_FIELDS,
    InlineImage,
    OpenAIRequest,
    read_asked,
    read_sending,
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
from functions.videos import IDEMPOTENCY_KEY, LIST_TOKENS
from shared import wiring
from shared.domain.catalogue import MODEL_CHOICES
from shared.domain.errors import (
    Conflict,
    ConflictReason,
    FieldError,
    InvalidRequest,
    NotFound,
)
from shared.domain.projection import project
from shared.ports.identity import Caller
from shared.usecases.uploads import Keep

# Without it the client polls every second.
POLL_HEADERS = {"openai-poll-after-ms": "2000"}

VIDEO_ID = {"job_id": "The `id` of one of your videos."}


def _create_video(call: Call) -> Response:
    asked = OpenAIRequest.parse(read_asked(call.request))
    key, client_retry = read_key(call.request), read_sending(call.request)
    image, keep = _image(asked, call.caller)
    request = asked.video_request(image)
    taken = wiring.create_video()(
        call.caller, request, call.language, key, client_retry=client_retry, keep=keep
    )
    headers = {"Idempotent-Replayed": "true"} if taken.replayed else {}
    return answer(show_video(project(taken.job, call.language)), headers=headers)


def _image(asked: OpenAIRequest, caller: Caller) -> tuple[str | None, Keep | None]:
    """The name of an image out of the request itself, and what keeps it."""
    image = asked.reference
    if not isinstance(image, InlineImage):
        return None, None
    return wiring.keep_upload()(caller, image.content, image.content_type)


def _get_video(call: Call) -> Response:
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    return answer(show_video(project(job, call.language)), headers=POLL_HEADERS)


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
    """InvalidRequest for a variant that isn't made; Conflict without a video."""
    variant = read_query(call.request, CONTENT_FIELDS)["variant"]
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    if job.video_url is None:
        raise Conflict(reason=ConflictReason.NO_VIDEO)
    url = job.poster_url if variant == THUMBNAIL else job.video_url
    if url is None:
        raise Conflict(reason=ConflictReason.NO_POSTER)
    return Response(status=302, headers={"Location": url})


def _list_models(_call: Call) -> Response:
    return answer(show_models(wiring.list_models().choices()))


def _get_model(call: Call) -> Response:
    """Any name but ours means `auto`, as where a video is created, so it is there."""
    name = call.arguments["model"]
    if name in MODEL_CHOICES and name not in wiring.list_models().choices():
        raise NotFound
    return answer(show_model(name))


def _not_offered(method: str, path: str, feature: str) -> Route:
    """A call that OpenAI's clients have: an answer in words, not a 404 or 405."""

    def refuse(_call: Call) -> Response:
        raise InvalidRequest((FieldError(field=feature, reason="not_offered"),))

    return Route(method=method, path=path, handler=refuse, most_bytes=0)


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
        most_bytes=LARGE_BODY_BYTES,
        spends=True,
        operation=Operation(
            summary="Create a video (OpenAI)",
            description="As OpenAI's clients do it, with a form or JSON. Generative "
            "AI makes the video.",
            tag="openai",
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
            answers={200: VIDEO},
            answer_headers=("Idempotent-Replayed",),
            problems=(409, 429),
            refusal=REFUSAL,
        ),
    ),
    Route(
        method="GET",
        path=VIDEOS,
        handler=_list_videos,
        tokens=LIST_TOKENS,
        operation=Operation(
            summary="List your videos (OpenAI)",
            description="Newest first, a page at a time.",
            tag="openai",
            query=LIST_FIELDS,
            answers={200: PAGE},
            refusal=REFUSAL,
        ),
    ),
    Route(
        method="GET",
        path=ONE_VIDEO,
        handler=_get_video,
        operation=Operation(
            summary="Get a video (OpenAI)",
            description="The same job as `GET /v1/videos/{job_id}`.",
            tag="openai",
            arguments=VIDEO_ID,
            answers={200: VIDEO},
            refusal=REFUSAL,
        ),
    ),
    Route(
        method="GET",
        path=f"{ONE_VIDEO}/content",
        handler=_download_content,
        operation=Operation(
            summary="Download the MP4 or its thumbnail (OpenAI)",
            description="Redirects to a signed URL; 409 while there is no video.",
            tag="openai",
            arguments=VIDEO_ID,
            query=CONTENT_FIELDS,
            answers={302: None},
            answer_headers=("Location",),
            problems=(409,),
            refusal=REFUSAL,
        ),
    ),
    Route(
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        operation=Operation(
            summary="Delete a video (OpenAI)",
            description="Deletes the record, the images and the MP4 of a job that has "
            "finished.",
            tag="openai",
            arguments=VIDEO_ID,
            answers={200: DELETED},
            problems=(409,),
            refusal=REFUSAL,
        ),
    ),
    Route(
        method="GET",
        path="/openai/v1/models",
        handler=_list_models,
        operation=Operation(
            summary="List the models (OpenAI)",
            description="The names that `model` takes. Clients use it to test a "
            "connection.",
            tag="openai",
            answers={200: MODELS},
            refusal=REFUSAL,
        ),
    ),
    Route(
        method="GET",
        path="/openai/v1/models/<model>",
        handler=_get_model,
        operation=Operation(
            summary="Get a model (OpenAI)",
            description="Whether `model` takes the name.",
            tag="openai",
            arguments={"model": "`auto` or a provider's name."},
            answers={200: MODEL},
            refusal=REFUSAL,
        ),
    ),
    _not_offered("POST", f"{ONE_VIDEO}/remix", "remix"),
    _not_offered("POST", f"{VIDEOS}/edits", "edits"),
    _not_offered("POST", f"{VIDEOS}/extensions", "extensions"),
    _not_offered("POST", f"{VIDEOS}/characters", "characters"),
    _not_offered("GET", f"{VIDEOS}/characters/<character_id>", "characters"),
)
