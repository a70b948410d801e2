"""How much time the request that is handled has left for Firestore, in all calls."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct


class _Limit(Struct):
    """`ends_at` is None until somebody asks: imports of a cold start don't count."""

    seconds: float
    ends_at: float | None = None


_limit: ContextVar[_Limit | None] = ContextVar("limit", default=None)


@contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Within the block, Firestore is asked for so long: then each call is refused.

    So nothing is committed once the caller has been told that it failed. Threads that
    the block starts are not limited.
    """
    token = _limit.set(_Limit(seconds))
    try:
        yield
    finally:
        _limit.reset(token)


def left_seconds() -> float:
    """0 or less once the time is up; infinite outside of a request."""
    limit = _limit.get()
    if limit is None:
        return math.inf
    now = time.monotonic()
    if limit.ends_at is None:
        limit.ends_at = now + limit.seconds
    return limit.ends_at - now
