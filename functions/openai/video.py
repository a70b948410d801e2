"""A job as OpenAI's Videos API shows one, and a page of them.

The shapes are those of the `openai` client 3.54, types/video.py and pagination.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.http.schemas import FAILURE, FLAG, TEXT, list_of, or_null, record
from functions.openai.request import SIZES
from shared.domain.fields import Choice, Field, Identifier, Whole
from shared.domain.job import AttemptState, Job, Language
from shared.domain.listing import Page
from shared.domain.projection import Stage, Status, project

# Oldest first is not offered: a list that claims it and isn't would be worse.
LIST_FIELDS: Mapping[str, Field] = {
    "after": Field(spec=Identifier(longest=128), nullable=True),
    "limit": Field(spec=Whole(least=1, most=100), default=20),
    "order": Field(spec=Choice(values=("desc",)), default="desc"),
}
CONTENT_FIELDS: Mapping[str, Field] = {
    "variant": Field(spec=Choice(values=("video",)), default="video"),
}

# Of two sizes of one shape the last is the one that is really made.
_MADE_SIZES = {shape: size for size, shape in SIZES.items()}

MOMENT = {"type": "integer", "description": "seconds since 1970"}

VIDEO = record(
    "OpenAIVideo",
    id=TEXT,
    object={"type": "string", "const": "video"},
    model=TEXT,
    status={"type": "string", "enum": ["queued", "in_progress", "completed", "failed"]},
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    created_at=MOMENT,
    completed_at=or_null(MOMENT),
    expires_at=MOMENT,
    seconds={"type": "string", "pattern": "^[0-9]+$"},
    size={"type": "string", "pattern": "^[0-9]+x[0-9]+$"},
    prompt=TEXT,
    remixed_from_video_id={"type": "null"},
    error=or_null(FAILURE),
)

PAGE = record(
    "OpenAIVideoPage",
    object={"type": "string", "const": "list"},
    data=list_of(VIDEO),
    first_id=or_null(TEXT),
    last_id=or_null(TEXT),
    has_more=FLAG,
)

DELETED = record(
    "OpenAIVideoDeleted",
    id=TEXT,
    deleted={"type": "boolean", "const": True},
    object={"type": "string", "const": "video.deleted"},
)


def show_video(job: Job, language: Language) -> dict[str, Any]:
    """Every field of the client's `Video`; times in seconds since 1970.

    `model` is ours, whatever name was asked by; `seconds` and `size` are what was
    asked of us, and from then on what was delivered.
    """
    shown = project(job, language)
    return {
        "id": job.job_id,
        "object": "video",
        "model": job.request.model,
        "status": _status(shown),
        "progress": job.progress,
        "created_at": _unix(job.created_at),
        "completed_at": _completed_at(job),
        "expires_at": _unix(job.expires_at),
        "seconds": _seconds(job),
        "size": _size(job),
        "prompt": job.request.prompt,
        "remixed_from_video_id": None,
        "error": shown["error"],
    }


def show_page(page: Page, language: Language) -> dict[str, Any]:
    ids = [job.job_id for job in page.jobs]
    return {
        "object": "list",
        "data": [show_video(job, language) for job in page.jobs],
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": page.next_cursor is not None,
    }


def _status(shown: Mapping[str, Any]) -> str:
    if shown["status"] != Status.PROCESSING:
        return str(shown["status"])
    return "queued" if shown["stage"] == Stage.QUEUED else "in_progress"


def _completed_at(job: Job) -> int | None:
    ends = (a.ended_at for a in job.attempts if a.state is AttemptState.SUCCEEDED)
    ended_at = next(ends, None)
    return _unix(ended_at) if ended_at else None


def _seconds(job: Job) -> str:
    if job.delivered is not None:
        return str(round(job.delivered.duration_seconds))
    return str(job.request.duration_seconds)


def _size(job: Job) -> str:
    if job.delivered is not None:
        return f"{job.delivered.width}x{job.delivered.height}"
    return _MADE_SIZES[job.request.resolution, job.request.aspect_ratio]


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
