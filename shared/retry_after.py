"""Parses the header Retry-After."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# At most a day: a server's mistake must not delay a job indefinitely.
_MAX_WAIT_SECONDS = 86_400.0


def retry_after_seconds(header: str | None) -> float | None:
    """From a number of seconds or a date; None if it is missing or malformed."""
    value = (header or "").strip()
    if not value:
        return None
    seconds = float(value) if value.isdecimal() else _until(value)
    return None if seconds is None else bounded_wait(seconds)


def bounded_wait(seconds: float) -> float:
    return min(max(seconds, 0.0), _MAX_WAIT_SECONDS)


def _until(date: str) -> float | None:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    # The zone "-0000" parses to a naive datetime, which RFC 5322 defines as UTC.
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
