"""Lists of a user's jobs: page size, filter by status, and cursors."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from shared.domain.fields import Field
from shared.domain.projection import Projection, Status
from shared.domain.specs import Choice, Whole, Wrong

DEFAULT_LIMIT, MAX_LISTED = 20, 100
LIMIT = Field(
    spec=Whole(minimum=1, maximum=MAX_LISTED),
    default=DEFAULT_LIMIT,
    description="How many at most.",
)
LIST_FIELDS: Mapping[str, Field] = {
    "limit": LIMIT,
    "status": Field(
        spec=Choice(values=tuple(Status), title="Status"),
        nullable=True,
        description="Only videos with this status.",
    ),
}

MAX_CURSOR_LENGTH = 256
_CURSOR = re.compile(f"[A-Za-z0-9_-]{{1,{MAX_CURSOR_LENGTH}}}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Position(Struct, frozen=True, kw_only=True):
    """A position in a user's list of jobs, newest first: right after this job."""

    created_at: datetime
    job_id: str


class Cursor(Struct, frozen=True, kw_only=True):
    """A `next_cursor`, which parses to the `Position` that it stands for."""

    def parse(self, value: object) -> Position:
        if not isinstance(value, str) or not _CURSOR.fullmatch(value):
            raise Wrong("not_a_cursor")
        try:
            return _decoded(value)
        except (ValueError, OverflowError):
            raise Wrong("not_a_cursor") from None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^{_CURSOR.pattern}$"}


class Page(Struct, frozen=True, kw_only=True):
    """Newest first. `next_cursor` is None on the last page."""

    videos: tuple[Projection, ...]
    next_cursor: str | None


def cursor_after(created_at: datetime, job_id: str) -> str:
    """The position right after this job, URL-safe: letters, digits, `-` and `_`.

    A cursor grants no access: a list has only its caller's jobs, whatever the cursor.
    """
    plain = f"{(created_at - _EPOCH) // _MICROSECOND}.{job_id}"
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> Position:
    padded = cursor + "=" * (-len(cursor) % 4)
    text = urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
    microseconds, _, job_id = text.partition(".")
    created_at = _EPOCH + int(microseconds) * _MICROSECOND
    if not job_id.isalnum() or cursor_after(created_at, job_id) != cursor:
        raise ValueError("not in canonical form")
    return Position(created_at=created_at, job_id=job_id)
