"""The answers of OpenAI's Videos API as JSON Schema."""

from functions.http.schemas import (
    FAILURE,
    FLAG,
    TEXT,
    list_of,
    nested,
    or_null,
    record,
)

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

REFUSAL = record(
    "OpenAIError",
    error=nested(message=TEXT, type=TEXT, param=or_null(TEXT), code=TEXT),
)
