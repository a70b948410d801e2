"""How many requests a user may send: a token bucket for each, in this process."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from shared.domain.errors import TooManyRequests

BURST_SECONDS = 5
MOST_BUCKETS = 10_000


class RateLimit:
    """`per_second` tokens flow into each bucket, up to five seconds' worth."""

    def __init__(
        self, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second, self._clock = per_second, clock
        self._most = per_second * BURST_SECONDS
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, name: str, tokens: float = 1) -> None:
        """TooManyRequests if there are too few; nothing is taken then.

        What costs more than a whole bucket takes a full one.
        """
        with self._lock:
            now, tokens = self._clock(), min(tokens, self._most)
            left = self._left(name, now)
            if left < tokens:
                wait = timedelta(seconds=(tokens - left) / self._per_second)
                raise TooManyRequests(wait)
            self._buckets[name] = (left - tokens, now)
            if len(self._buckets) > MOST_BUCKETS:
                self._forget_full(now)

    def _left(self, name: str, now: float) -> float:
        left, at = self._buckets.get(name, (self._most, now))
        return min(self._most, left + (now - at) * self._per_second)

    def _forget_full(self, now: float) -> None:
        """A full bucket is as good as none."""
        full = [name for name in self._buckets if self._left(name, now) >= self._most]
        for name in full:
            del self._buckets[name]
