"""How much time the request that is handled has left, whoever spends it."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends_at: ContextVar[float] = ContextVar("ends_at", default=math.inf)


@contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Within the block, Firestore is asked for so long: then each call is refused.

    So nothing is committed once the caller has been told that it failed. Threads that
    the block starts are not limited.
    """
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def left_seconds() -> float:
    """0 or less once the time is up; infinite outside of a request."""
    return _ends_at.get() - time.monotonic()
