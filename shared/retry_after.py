"""How long a server asks to be left alone, in its header Retry-After."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# At most a day: a server's mistake must not park a job for ever.
_LONGEST_WAIT_SECONDS = 86_400.0


def retry_after_seconds(header: str | None) -> float | None:
    """Of a number or a date; None if it asks for nothing."""
    value = (header or "").strip()
    if not value:
        return None
    seconds = float(value) if value.isdecimal() else _until(value)
    return None if seconds is None else bounded_wait(seconds)


def bounded_wait(seconds: float) -> float:
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)


def _until(date: str) -> float | None:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    # "-0000" gives a naive time, which RFC 5322 calls UTC.
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
