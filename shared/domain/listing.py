"""Which of a user's jobs a list shows: how many, of which status, after which one."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.fields import Field
from shared.domain.projection import Projection, Status
from shared.domain.specs import Choice, Whole, Wrong

LIST_FIELDS: Mapping[str, Field] = {
    "limit": Field(
        spec=Whole(least=1, most=100), default=20, description="How many at most."
    ),
    "status": Field(
        spec=Choice(values=tuple(Status), title="Status"),
        nullable=True,
        description="Only videos with this status.",
    ),
}

LONGEST_CURSOR = 256
_CURSOR = re.compile(f"[A-Za-z0-9_-]{{1,{LONGEST_CURSOR}}}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Cursor(Struct, frozen=True, kw_only=True):
    """The form of a `next_cursor`; which place it names, `read_cursor` tells."""

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or not _CURSOR.fullmatch(value):
            raise Wrong("not_a_cursor")
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^{_CURSOR.pattern}$"}


class Page(Struct, frozen=True, kw_only=True):
    """Newest first. `next_cursor`: None where nothing follows."""

    videos: tuple[Projection, ...]
    next_cursor: str | None


def cursor_after(created_at: datetime, job_id: str) -> str:
    """The place right after this job, for an address: letters, digits, `-`, `_`.

    It holds no right to anything: a list is of its caller's jobs, whatever the cursor.
    """
    plain = f"{(created_at - _EPOCH) // _MICROSECOND}.{job_id}"
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """`created_at` and `job_id` of `cursor_after`; InvalidRequest for anything else."""
    try:
        return _parsed(cursor)
    except (ValueError, OverflowError):
        wrong = FieldError(field="cursor", reason="not_a_cursor")
        raise InvalidRequest((wrong,)) from None


def _parsed(cursor: str) -> tuple[datetime, str]:
    if len(cursor) > LONGEST_CURSOR:
        raise ValueError("too long")
    padded = cursor + "=" * (-len(cursor) % 4)
    text = urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
    microseconds, _, job_id = text.partition(".")
    created_at = _EPOCH + int(microseconds) * _MICROSECOND
    if not job_id.isalnum() or cursor_after(created_at, job_id) != cursor:
        raise ValueError("not as it is written here")
    return created_at, job_id
