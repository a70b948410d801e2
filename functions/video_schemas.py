"""The schemas of a video as the API shows it, and of its parts."""

from functions.http.schemas import (
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
from shared.domain.catalogue import (
    MODEL_CHOICES,
    RATIO_CHOICES,
    AspectRatio,
    ProviderId,
    Resolution,
    Vendor,
)
from shared.domain.errors import ErrorCode
from shared.domain.job import OPEN_STATES, AttemptState
from shared.domain.projection import Stage, Status
from shared.domain.request import Translate
from shared.domain.webhook import WebhookStatus

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
    duration=number("Its length in seconds.", 6.0),
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
    vendor=described(choice("Vendor", Vendor), "Whose account was billed.", "vertex"),
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
    ai_model=described(AI_MODEL, "The provider that was tried.", "runway"),
    outcome=described(
        choice("Outcome", OUTCOMES), "How it ended; `running` until then.", "failed"
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
    "A job: the request, its progress, and the video once there is one.",
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
        described(
            AI_MODEL,
            "The provider that is making the video or made it.",
            "gemini-veo-3.1",
        )
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
            "When `video_url`, `download_url` and `poster_url` expire.",
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
    prompt=text("The prompt of the request.", "너구리가 고개를 들고 손을 흔든다"),
    translate=described(
        choice("Translate", Translate), "Whether the prompt may be translated.", "auto"
    ),
    prompt_sent=or_null(
        text(
            "The prompt as it is sent to providers, in English if it was translated; "
            "null until one is tried.",
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
    duration=whole("The requested length in seconds.", 5),
    resolution=described(RESOLUTION, "The requested resolution."),
    aspect_ratio=described(RATIO_CHOICE, "The requested aspect ratio."),
    audio=or_null(flag("Whether sound was requested.", example=True)),
    model=described(choice("ModelChoice", MODEL_CHOICES), "The requested model."),
    fallback=flag("Whether the rest of the chain may be tried.", example=True),
    seed=or_null(whole("The requested seed.", 7)),
    metadata=texts_by_name("Your own strings.", {"order": "A-1042"}),
    delivered=or_null(described(DELIVERED, "The video that was delivered.")),
    attempts=list_of(ATTEMPT, "Every provider that was tried or skipped, in order."),
    estimated_cost_usd=money(
        "The price, when the job was created, of the first provider that can make the "
        "video, even if that one was not available.",
        "0.25",
    ),
    cost_usd=money("The cost so far, including translation.", "2.400197"),
    error={**or_null(described(ERROR, "Why the job failed.")), "examples": [None]},
    webhook=or_null(described(WEBHOOK, "How its webhook is doing; null without one.")),
)
VIDEO_PAGE = record(
    "VideoPage",
    "Some of your videos, newest first.",
    videos=list_of(VIDEO, "The videos."),
    next_cursor=or_null(
        text("The `cursor` of the next page; null on the last.", "MTc5NTM0ODgwMA")
    ),
)
