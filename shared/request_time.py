"""Limits the time that a request has for all of its calls to Firestore."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct


class _Limit(Struct):
    """`ends_at` is set by the first `left_seconds`: imports before it don't count."""

    seconds: float
    ends_at: float | None = None


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


@contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Limits Firestore calls in the block: once `seconds` are over, each is refused.

    This way nothing is committed after the caller was told that the request failed.
    Threads that the block starts are not limited.
    """
    token = _limit.set(_Limit(seconds))
    try:
        yield
    finally:
        _limit.reset(token)


def left_seconds() -> float:
    """0 or less once the time is up; infinite outside a `limited_to` block."""
    limit = _limit.get()
    if limit is None:
        return math.inf
    now = time.monotonic()
    if limit.ends_at is None:
        limit.ends_at = now + limit.seconds
    return limit.ends_at - now
