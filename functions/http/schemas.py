"""The answers as JSON Schema: what the projection and the handlers really give."""

from collections.abc import Iterable, Mapping

from shared.domain.catalogue import (
    MODEL_CHOICES,
    AspectRatio,
    ProviderId,
    Resolution,
)
from shared.domain.errors import ErrorCode
from shared.domain.job import OPEN_STATES, AttemptState
from shared.domain.kill_switch import Level
from shared.domain.projection import Stage, Status

Schema = Mapping[str, object]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ADDRESS: Schema = {"type": "string", "format": "uri"}
MONEY: Schema = {
    "type": "string",
    "pattern": r"^\d+(\.\d+)?$",
    "description": "USD",
    "examples": ["0.25"],
}
OUTCOMES = ("running", *(s.value for s in AttemptState if s not in OPEN_STATES))


def one_of(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def record(title: str, /, **properties: Schema) -> Schema:
    """An object with all of `properties`; more may be added to it one day."""
    return nested(**properties) | {"title": title}


def nested(**properties: Schema) -> dict[str, object]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
    }


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    """Where `schema` has a type of its own; None is a value of its enum then."""
    nullable = dict(schema) | {"type": [schema["type"], "null"]}
    values = schema.get("enum")
    return nullable | ({"enum": [*values, None]} if isinstance(values, list) else {})


FAILURE = nested(code=one_of(ErrorCode), message=TEXT)
# Exactly one of them, where null is as good as not there.
ONE_IMAGE: Schema = {
    "oneOf": [
        {
            "required": [given],
            "properties": {given: {"type": "string"}, other: {"type": "null"}},
        }
        for given, other in (("image", "image_url"), ("image_url", "image"))
    ]
}

ATTEMPT = record(
    "Attempt",
    ai_model=one_of(ProviderId),
    outcome={"type": "string", "enum": list(OUTCOMES)},
    started_at=MOMENT,
    ended_at=or_null(MOMENT),
    cost_usd=MONEY,
    error=or_null(FAILURE),
)

VIDEO = record(
    "Video",
    job_id=TEXT,
    user_id=TEXT,
    created_at=MOMENT,
    updated_at=MOMENT,
    expires_at=MOMENT,
    status=one_of(Status),
    stage=one_of(Stage),
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    ai_model=or_null(one_of(ProviderId)),
    video_url=or_null(ADDRESS),
    video_url_expires_at=or_null(MOMENT),
    prompt=TEXT,
    image_url=or_null(ADDRESS),
    image=or_null(TEXT),
    duration=WHOLE,
    resolution=one_of(Resolution),
    aspect_ratio=one_of(AspectRatio),
    audio=or_null(FLAG),
    model=one_of(MODEL_CHOICES),
    fallback=FLAG,
    seed=or_null(WHOLE),
    delivered=or_null(
        nested(
            duration=NUMBER,
            width=WHOLE,
            height=WHOLE,
            audio=FLAG,
            size=WHOLE,
            crc32c=TEXT,
        )
    ),
    attempts=list_of(ATTEMPT),
    estimated_cost_usd=MONEY,
    cost_usd=MONEY,
    error=or_null(FAILURE),
)

VIDEO_PAGE = record("VideoPage", videos=list_of(VIDEO), next_cursor=or_null(TEXT))

UPLOAD = record(
    "Upload",
    image=TEXT,
    upload_url=ADDRESS,
    headers={"type": "object", "additionalProperties": TEXT},
    expires_at=MOMENT,
)

GENERATION = record(
    "Generation",
    level=one_of(Level),
    automatic=nested(
        level=one_of(Level),
        budgets=list_of(
            nested(
                budget_id=TEXT,
                interval_start=MOMENT,
                ratio=TEXT,
                level=one_of(Level),
                overridden=FLAG,
            )
        ),
    ),
    manual_override=or_null(
        nested(level=one_of(Level), reason=TEXT, by=TEXT, at=MOMENT)
    ),
)

HEALTH = record("Health", status={"type": "string", "const": "ok"})

PROBLEM = {
    **record(
        "Problem",
        type=TEXT,
        title=TEXT,
        status=WHOLE,
        detail=TEXT,
        code=TEXT,
    ),
    "description": "RFC 9457. `detail` and messages come by Accept-Language.",
}
FIELD_PROBLEMS = list_of(nested(field=TEXT, message=TEXT))
