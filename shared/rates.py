"""Limits how many requests a user may send, by a token bucket per user and process."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from shared.domain.errors import TooManyRequests

BURST_SECONDS = 5
MAX_BUCKETS = 10_000


class RateLimit:
    """`per_second` tokens flow into each bucket, which holds `burst` of them: by
    default, five seconds' worth.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        burst: float | None = None,
    ) -> None:
        self.per_second, self._clock = per_second, clock
        self._capacity = per_second * BURST_SECONDS if burst is None else burst
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, name: str, tokens: float = 1) -> None:
        """TooManyRequests if the bucket has too few tokens; it then keeps them.

        A cost above the bucket's size counts as a full bucket.
        """
        with self._lock:
            now, tokens = self._clock(), min(tokens, self._capacity)
            left = self._left(name, now)
            if left < tokens:
                wait = timedelta(seconds=(tokens - left) / self.per_second)
                raise TooManyRequests(wait)
            self._buckets[name] = (left - tokens, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._forget_full(now)

    def charge(self, name: str, tokens: float) -> None:
        """Takes tokens for what has been done already, even if the bucket has too few:
        until they have flowed in, `take` refuses.
        """
        with self._lock:
            now = self._clock()
            self._buckets[name] = (self._left(name, now) - tokens, now)

    def _left(self, name: str, now: float) -> float:
        left, at = self._buckets.get(name, (self._capacity, now))
        return min(self._capacity, left + (now - at) * self.per_second)

    def _forget_full(self, now: float) -> None:
        """A full bucket need not be kept: a new one is just as full."""
        full = [
            name for name in self._buckets if self._left(name, now) >= self._capacity
        ]
        for name in full:
            del self._buckets[name]
