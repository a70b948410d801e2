"""Renders jobs, pages of jobs and models in OpenAI's format.

The shapes are those of the `openai` client 3.54, types/video.py and pagination.py.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from functions.http.schemas import (
    choice,
    constant,
    described,
    flag,
    list_of,
    or_null,
    record,
    text,
    whole,
)
from functions.video_schemas import ERROR
from shared.domain.catalogue import ANY_RATIO, AspectRatio, Resolution
from shared.domain.errors import ErrorCode
from shared.domain.fields import Field
from shared.domain.job import AttemptState, Language
from shared.domain.listing import LIMIT, Page
from shared.domain.projection import Projection, Stage, Status, localized
from shared.domain.specs import Choice, Identifier

LIST_FIELDS: Mapping[str, Field] = {
    "after": Field(
        spec=Identifier(max_length=128),
        nullable=True,
        description="The last `id` of the previous page.",
    ),
    "limit": LIMIT,
    # Refusing `asc` is better than returning a list in the wrong order.
    "order": Field(
        spec=Choice(values=("desc",), title="OpenAIOrder"),
        default="desc",
        description="Newest first is the only order.",
    ),
}
THUMBNAIL = "thumbnail"
# Of "All providers failed. `attempts` has …" and its Korean counterpart.
_FIRST_CLAUSE = re.compile("[^.:]+[.:]")
CONTENT_FIELDS: Mapping[str, Field] = {
    "variant": Field(
        spec=Choice(values=("video", THUMBNAIL), title="OpenAIVariant"),
        default="video",
        description="The MP4, or its first frame as a JPEG. Spritesheets are not "
        "offered.",
    ),
}

# OpenAI's list has a creation date for each model; ours have none, so all share this.
CREATED = 1_795_824_000

VIDEO = record(
    "OpenAIVideo",
    "A job as OpenAI's Videos API shows it.",
    id=text("The job's ID.", "3f9c1b2ad84e4c0f"),
    object=constant("What this is.", "video"),
    model=text("The requested model.", "auto"),
    status=described(
        choice("OpenAIStatus", ("queued", "in_progress", "completed", "failed")),
        "`completed` once there is a video.",
        "completed",
    ),
    progress=whole("Percent.", 100, minimum=0, maximum=100),
    created_at=whole("When it was created, in Unix seconds.", 1795867200),
    completed_at=or_null(whole("When it was completed, in Unix seconds.", 1795867270)),
    expires_at=whole("When it will be deleted, in Unix seconds.", 1798459200),
    seconds=text("The length in seconds.", "8", pattern="^[0-9]+$"),
    size=text(
        "Width and height in pixels: the video's own once it is there; until then "
        "what is made for the requested `size`, or 1280x720 without one.",
        "1280x720",
        pattern="^[0-9]+x[0-9]+$",
    ),
    prompt=text("The prompt of the request.", "The raccoon looks up and waves"),
    # A schema of type null alone makes openapi-generator's Python client crash.
    remixed_from_video_id=or_null(text("Always null: videos are not remixed.", None)),
    error={**or_null(described(ERROR, "Why the job failed.")), "examples": [None]},
)
PAGE = record(
    "OpenAIVideoPage",
    "Some of your videos, newest first.",
    object=constant("What this is.", "list"),
    data=list_of(VIDEO, "The videos."),
    first_id=or_null(text("The first one's ID.", "3f9c1b2ad84e4c0f")),
    last_id=or_null(
        text("The last one's ID: the `after` of the next page.", "0a7be41d9c5f4e83")
    ),
    has_more=flag("Whether another page follows.", example=False),
)
DELETED = record(
    "OpenAIVideoDeleted",
    "The video was deleted.",
    id=text("The job's ID.", "3f9c1b2ad84e4c0f"),
    deleted=flag("Always true.", example=True),
    object=constant("What this is.", "video.deleted"),
)
MODEL = record(
    "OpenAIModel",
    "A name that `model` takes.",
    id=text("The name.", "auto"),
    object=constant("What this is.", "model"),
    created=whole("When it was added, in Unix seconds.", CREATED),
    owned_by=constant("Who offers it.", "reelay"),
)
MODELS = record(
    "OpenAIModelList",
    "The names that `model` takes.",
    object=constant("What this is.", "list"),
    data=list_of(MODEL, "`auto` and the providers."),
)


def show_video(shown: Projection) -> dict[str, Any]:
    """Every field of the client's `Video`; times are in seconds since 1970.

    `model` is our name for it, whichever name the request had. `seconds` and `size` are
    those that were requested, and once there is a video, those that were delivered.
    """
    return {
        "id": shown["job_id"],
        "object": "video",
        "model": shown["model"],
        "status": _status(shown),
        "progress": shown["progress"],
        "created_at": _unix(shown["created_at"]),
        "completed_at": _completed_at(shown),
        "expires_at": _unix(shown["expires_at"]),
        "seconds": str(round((shown["delivered"] or shown)["duration"])),
        "size": _size(shown),
        "prompt": shown["prompt"],
        "remixed_from_video_id": None,
        "error": _error(shown),
    }


def show_page(page: Page, language: Language) -> dict[str, Any]:
    ids = [video["job_id"] for video in page.videos]
    return {
        "object": "list",
        "data": [show_video(localized(video, language)) for video in page.videos],
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": page.next_cursor is not None,
    }


def show_models(choices: Iterable[str]) -> dict[str, Any]:
    return {"object": "list", "data": [show_model(name) for name in choices]}


def show_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "reelay"}


def _status(shown: Projection) -> str:
    if shown["status"] != Status.PROCESSING:
        return str(shown["status"])
    is_queued = shown["stage"] in (Stage.QUEUED, Stage.WAITING_FOR_PROVIDER)
    return "queued" if is_queued else "in_progress"


def _completed_at(shown: Projection) -> int | None:
    for attempt in shown["attempts"]:
        if attempt["outcome"] == AttemptState.SUCCEEDED and attempt["ended_at"]:
            return _unix(attempt["ended_at"])
    return None


def _error(shown: Projection) -> Projection | None:
    """Names each provider's reason, as this format has no `attempts` to refer to."""
    error: Projection | None = shown["error"]
    reasons = [a["error"]["message"] for a in shown["attempts"] if a["error"]]
    if not error or error["code"] != ErrorCode.ALL_PROVIDERS_FAILED or not reasons:
        return error
    head = _FIRST_CLAUSE.match(error["message"])
    message = " ".join([head[0] if head else error["message"], *reasons])
    return {**error, "message": message}


def _size(shown: Projection) -> str:
    if delivered := shown["delivered"]:
        return f"{delivered['width']}x{delivered['height']}"
    requested, side = shown["aspect_ratio"], Resolution(shown["resolution"]).short_side
    # With `auto` the image decides, which isn't known until there is a video.
    ratio = AspectRatio.LANDSCAPE if requested == ANY_RATIO else AspectRatio(requested)
    width = round(side * max(1, ratio.number))
    return f"{width}x{round(side / min(1, ratio.number))}"


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
