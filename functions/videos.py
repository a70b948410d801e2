"""The api's calls about videos: create, look at, list, cancel and delete."""

from collections.abc import Mapping
from typing import Any, cast

from flask import Response

from functions.http.bodies import answer, read_key, read_object, read_query
from functions.http.response_headers import base_path
from functions.http.route import Body, Call, Operation, Route
from functions.http.schemas import (
    Schema,
    choice,
    described,
    flag,
    list_of,
    moment,
    money,
    number,
    or_null,
    record,
    text,
    texts_by_name,
    url,
    whole,
)
from shared import wiring
from shared.domain.catalogue import (
    MODEL_CHOICES,
    RATIO_CHOICES,
    AspectRatio,
    ProviderId,
    Resolution,
    Vendor,
)
from shared.domain.errors import ErrorCode
from shared.domain.fields import Field
from shared.domain.job import OPEN_STATES, AttemptState, Job
from shared.domain.listing import LIST_FIELDS, Cursor
from shared.domain.projection import Stage, Status, project, translated
from shared.domain.request import VIDEO_FIELDS, Translate, VideoRequest
from shared.domain.webhook import WebhookStatus

# A full page is a hundred reads of the database.
LIST_TOKENS = 20
VIDEOS, ONE_VIDEO = "/v1/videos", "/v1/videos/<job_id>"

PAGE_FIELDS: Mapping[str, Field] = {
    **LIST_FIELDS,
    "cursor": Field(
        spec=Cursor(), description="The `next_cursor` of the previous page."
    ),
}
VIDEO_BODY = Body(
    title="VideoRequest", description="The video to make.", fields=VIDEO_FIELDS
)

OUTCOMES = ("running", *(s.value for s in AttemptState if s not in OPEN_STATES))
AI_MODEL = choice("AiModel", ProviderId)
RESOLUTION = choice("Resolution", Resolution)
ASPECT_RATIO = choice("AspectRatio", AspectRatio)
RATIO_CHOICE = choice("AspectRatioChoice", RATIO_CHOICES)
ERROR_CODE = choice("ErrorCode", ErrorCode)
ERROR = record(
    "JobError",
    "Why a job or an attempt failed.",
    code=described(ERROR_CODE, "The reason, for programs.", "provider_unavailable"),
    message=text("The reason and what to do, for people.", "Runway can't be reached."),
)
DELIVERED = record(
    "Delivered",
    "The video that was delivered.",
    duration=number("Its length in seconds.", 5.04),
    width=whole("Its width in pixels.", 1280),
    height=whole("Its height in pixels.", 720),
    aspect_ratio=described(ASPECT_RATIO, "Its aspect ratio."),
    audio=flag("Whether it has sound.", example=True),
    size=whole("The MP4's size in bytes.", 2_831_155),
    crc32c=text("The MP4's checksum, in base64.", "yZRlqg=="),
)
GENERATED_BY = record(
    "GeneratedBy",
    "The model that made a video.",
    vendor=described(choice("Vendor", Vendor), "Whose account was billed."),
    model=text("The vendor's name for its model.", "veo-3.1-generate-001"),
)
CROP = record(
    "InputCrop",
    "The part of an image that is used, in pixels of the upright image. Providers take "
    "images from 1:2 to 2:1, so what is beyond is cut off at both ends.",
    x=whole("From the left edge.", 0),
    y=whole("From the top edge.", 105),
    width=whole("The part's width.", 1206),
    height=whole("The part's height.", 2412),
    image_width=whole("The whole image's width.", 1206),
    image_height=whole("The whole image's height.", 2622),
)
ATTEMPT = record(
    "Attempt",
    "One provider's turn at the job.",
    ai_model=described(AI_MODEL, "The provider that was asked.", "runway"),
    outcome=described(
        choice("Outcome", OUTCOMES),
        "How it ended; `running` until then.",
        "failed",
    ),
    started_at=moment("When it started."),
    ended_at=or_null(moment("When it ended.")),
    cost_usd=money("What it cost.", "0"),
    error=or_null(described(ERROR, "Why it failed.")),
)
WEBHOOK = record(
    "WebhookState",
    "The message that is sent when the job ends.",
    status=described(
        choice("WebhookStatus", WebhookStatus),
        "`pending` until it is `delivered`, or has `failed` for a day.",
        "delivered",
    ),
    attempts=whole("How often it was sent.", 1),
)
VIDEO = record(
    "Video",
    "A job: what was asked for, how far it is, and the video once there is one.",
    job_id=text("The job's ID.", "3f9c1b2ad84e4c0f"),
    user_id=text("The owner's ID.", "ann"),
    created_at=moment("When it was created."),
    updated_at=moment("When it last changed.", "2026-11-28T12:01:10.000Z"),
    expires_at=moment("When it will be deleted.", "2026-12-28T12:00:00.000Z"),
    status=described(
        choice("Status", Status),
        "`processing` until the job ends `completed` or `failed`.",
        "completed",
    ),
    stage=described(choice("Stage", Stage), "The current step.", "done"),
    progress=whole("Percent; never goes back.", 100, minimum=0, maximum=100),
    ai_model=or_null(
        described(AI_MODEL, "Who is making or made it.", "gemini-veo-3.1")
    ),
    video_url=or_null(
        url(
            "The MP4, once the job is `completed`: a signed URL that is valid for at "
            "least another hour.",
            "https://storage.googleapis.com/reelay-videos/3f9c1b2ad84e4c0f.mp4",
        )
    ),
    video_url_expires_at=or_null(
        moment(
            "Until when `video_url`, `download_url` and `poster_url` are valid.",
            "2026-11-28T23:01:10.000Z",
        )
    ),
    download_url=or_null(
        url(
            "The same MP4, for a download: browsers save it under a name made of the "
            "date and the prompt.",
            "https://storage.googleapis.com/reelay-videos/3f9c1b2ad84e4c0f.mp4"
            "?response-content-disposition=attachment",
        )
    ),
    poster_url=or_null(
        url(
            "The video's first frame, a JPEG of at most 1280 pixels a side.",
            "https://storage.googleapis.com/reelay-videos/3f9c1b2ad84e4c0f.jpg",
        )
    ),
    ai_generated=flag("Always true.", example=True),
    generated_by=or_null(
        described(GENERATED_BY, "What made the video; null until there is one.")
    ),
    prompt=text("What was asked for.", "너구리가 고개를 들고 손을 흔든다"),
    translate=described(
        choice("Translate", Translate), "Whether the prompt may be translated.", "auto"
    ),
    prompt_sent=or_null(
        text(
            "What the providers got, in English where it was translated; null until "
            "one is asked.",
            "The raccoon looks up and waves",
        )
    ),
    image_url=or_null(url("The first frame's URL.", "https://example.com/raccoon.jpg")),
    image=or_null(text("The first frame, as an upload.", None)),
    last_image_url=or_null(
        url("The last frame's URL.", "https://example.com/raccoon-asleep.jpg")
    ),
    last_image=or_null(text("The last frame, as an upload.", None)),
    input_crop=or_null(
        described(CROP, "What is used of the first frame; null: all of it.")
    ),
    last_input_crop=or_null(
        described(CROP, "What is used of the last frame; null: all of it.")
    ),
    duration=whole("Seconds that were asked for.", 5),
    resolution=described(RESOLUTION, "The resolution that was asked for."),
    aspect_ratio=described(RATIO_CHOICE, "The aspect ratio that was asked for."),
    audio=or_null(flag("Whether sound was asked for.", example=True)),
    model=described(
        choice("ModelChoice", MODEL_CHOICES),
        "The provider that was to be asked first.",
    ),
    fallback=flag("Whether the rest of the chain may be asked.", example=True),
    seed=or_null(whole("The seed that was asked for.", 7)),
    metadata=texts_by_name("The strings of your own.", {"order": "A-1042"}),
    delivered=or_null(described(DELIVERED, "The video that was delivered.")),
    attempts=list_of(ATTEMPT, "Every provider that was asked or skipped, in order."),
    estimated_cost_usd=money("The price when the job was created.", "0.25"),
    cost_usd=money("What was spent so far, translation included.", "2.400197"),
    error={**or_null(described(ERROR, "Why the job failed.")), "examples": [None]},
    webhook=or_null(described(WEBHOOK, "How its webhook is doing; null without one.")),
)
_VIDEO_FIELDS = cast(Mapping[str, Schema], VIDEO["properties"])
VIDEO_PAGE = record(
    "VideoPage",
    "Some of your videos, newest first.",
    videos=list_of(VIDEO, "The videos."),
    next_cursor=or_null(
        text("The `cursor` of the next page; null on the last.", "MTc5NTM0ODgwMA")
    ),
)

JOB_ID = {"job_id": "The `job_id` of one of your videos."}
IDEMPOTENCY_KEY = {
    "Idempotency-Key": (
        "The same key and body return the same job, however often they are sent."
    )
}


def _create_video(call: Call) -> Response:
    asked = VideoRequest.parse(read_object(call.request))
    key = read_key(call.request)
    taken = wiring.create_video()(call.caller, asked, call.language, key)
    where = f"{base_path(call.request)}v1/videos/{taken.job.job_id}"
    headers = {"Location": where}
    if taken.replayed:
        headers["Idempotent-Replayed"] = "true"
    return answer(_shown(taken.job, call), 202, headers)


def _get_video(call: Call) -> Response:
    job = wiring.get_video()(call.caller, call.arguments["job_id"])
    return answer(_shown(job, call))


def _list_videos(call: Call) -> Response:
    asked = read_query(call.request, PAGE_FIELDS)
    status = asked["status"] and Status(asked["status"])
    page = wiring.list_videos()(
        call.caller, limit=asked["limit"], status=status, cursor=asked["cursor"]
    )
    videos = [_in_order(translated(video, call.language)) for video in page.videos]
    return answer({"videos": videos, "next_cursor": page.next_cursor})


def _in_order(video: Mapping[str, Any]) -> Mapping[str, Any]:
    """As one video is answered: documents keep their fields in no order."""
    return {name: video[name] for name in _VIDEO_FIELDS if name in video}


def _delete_video(call: Call) -> Response:
    wiring.delete_video()(call.caller, call.arguments["job_id"])
    return Response(status=204)


def _cancel_video(call: Call) -> Response:
    job = wiring.cancel_video()(call.caller, call.arguments["job_id"])
    return answer(_shown(job, call), 202)


def _shown(job: Job, call: Call) -> dict[str, Any]:
    return project(job, call.language)


VIDEO_ROUTES = (
    Route(
        method="POST",
        path=VIDEOS,
        handler=_create_video,
        spends=True,
        operation=Operation(
            summary="Create a video",
            description="Starts a job and returns at once; generative AI makes the "
            "video in the background. Its price is reserved from your limits until "
            "the job ends.",
            tag="videos",
            body=VIDEO_BODY,
            has_price=True,
            request_headers=IDEMPOTENCY_KEY,
            answers={202: VIDEO},
            answer_headers=("Location", "Idempotent-Replayed"),
            problems=(409, 429, 501),
        ),
    ),
    Route(
        method="GET",
        path=VIDEOS,
        handler=_list_videos,
        tokens=LIST_TOKENS,
        operation=Operation(
            summary="List your videos",
            description="Newest first, a page at a time.",
            tag="videos",
            query=PAGE_FIELDS,
            answers={200: VIDEO_PAGE},
        ),
    ),
    Route(
        method="GET",
        path=ONE_VIDEO,
        handler=_get_video,
        operation=Operation(
            summary="Get a video",
            description="Poll it every few seconds, or listen to the Firestore "
            "document `videos/{job_id}`, which has the same fields.",
            tag="videos",
            arguments=JOB_ID,
            answers={200: VIDEO},
        ),
    ),
    Route(
        method="DELETE",
        path=ONE_VIDEO,
        handler=_delete_video,
        operation=Operation(
            summary="Delete a video",
            description="Deletes the record, the images and the MP4 of a job that has "
            "finished.",
            tag="videos",
            arguments=JOB_ID,
            answers={204: None},
            problems=(409,),
        ),
    ),
    Route(
        method="POST",
        path=f"{ONE_VIDEO}/cancel",
        handler=_cancel_video,
        operation=Operation(
            summary="Cancel a video",
            description="The job ends `failed` with the error code `cancelled`, or "
            "`completed` if the video already exists. A provider may still charge for "
            "what it has begun.",
            tag="videos",
            arguments=JOB_ID,
            answers={202: VIDEO},
            problems=(409,),
        ),
    ),
)
