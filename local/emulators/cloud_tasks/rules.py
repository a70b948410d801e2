"""When Cloud Tasks tries again, how fast a queue goes, and when it slows down.

Sources: the comments on `RetryConfig`, `RateLimits` and `HttpRequest` in
google.cloud.tasks.v2 and https://docs.cloud.google.com/tasks/docs/common-pitfalls.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

_SECOND = timedelta(seconds=1)
# Past any backoff that a queue can have, and no float overflows.
_MOST_DOUBLINGS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """`max_attempts` -1 and `max_retry_duration` 0 mean that there is no such limit."""

    max_attempts: int = 100
    max_retry_duration: timedelta = timedelta(0)
    min_backoff: timedelta = timedelta(milliseconds=100)
    max_backoff: timedelta = timedelta(hours=1)
    max_doublings: int = 16

    def backoff(self, failures: int) -> timedelta:
        """How long after the `failures`-th failure (from 1) the next attempt is due.

        Doubles `max_doublings` times, then grows by the last step, up to `max_backoff`.
        """
        doublings = min(failures - 1, self.max_doublings, _MOST_DOUBLINGS)
        steps = max(failures - self.max_doublings, 1)
        seconds = self.min_backoff.total_seconds() * 2.0**doublings * steps
        return timedelta(seconds=min(seconds, self.max_backoff.total_seconds()))

    def is_exhausted(
        self, *, attempts: int, first_attempt_at: datetime, now: datetime
    ) -> bool:
        """Attempts and duration must both be used up; a limit not set never counts."""
        has_count = self.max_attempts > 0
        has_duration = self.max_retry_duration > timedelta(0)
        used_count = attempts >= self.max_attempts
        used_duration = now - first_attempt_at >= self.max_retry_duration
        return (
            (has_count or has_duration)
            and (used_count or not has_count)
            and (used_duration or not has_duration)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRules:
    max_dispatches_per_second: float = 500.0
    max_burst_size: int = 100
    max_concurrent_dispatches: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBucket:
    """What is left of a queue's burst; each dispatch takes one token."""

    tokens: float
    at: datetime

    @classmethod
    def full(cls, rules: RateRules, *, now: datetime) -> Self:
        return cls(tokens=float(rules.max_burst_size), at=now)

    def refilled(self, rules: RateRules, *, now: datetime) -> Self:
        gained = (now - self.at) / _SECOND * rules.max_dispatches_per_second
        tokens = min(self.tokens + max(gained, 0.0), float(rules.max_burst_size))
        return replace(self, tokens=tokens, at=max(now, self.at))

    def taken(self) -> Self:
        return replace(self, tokens=self.tokens - 1.0)

    def ready_at(self, rules: RateRules) -> datetime:
        """When one whole token is there."""
        missing = max(1.0 - self.tokens, 0.0)
        # A microsecond more: the division is rounded to microseconds, perhaps down.
        slack = timedelta(microseconds=1 if missing else 0)
        return self.at + missing / rules.max_dispatches_per_second * _SECOND + slack


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """System throttling: after a 429 or 503 the whole queue waits between dispatches.

    The pause doubles when an attempt made since the last such answer fails alike, and
    halves when one succeeds. Google does not publish its figures; these slow a queue
    visibly and let it recover.
    """

    shortest: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(seconds=60)
    pause: timedelta = timedelta(0)
    slowed_at: datetime | None = None
    not_before: datetime | None = None

    def slowed(
        self, *, dispatched_at: datetime, now: datetime, retry_after: timedelta | None
    ) -> Self:
        factor = 2 if self._is_news(dispatched_at) else 1
        pause = min(max(self.pause * factor, self.shortest), self.longest)
        until = now + max(pause, min(retry_after or pause, self.longest))
        until = max(until, self.not_before or until)
        return replace(self, pause=pause, slowed_at=now, not_before=until)

    def eased(self, *, dispatched_at: datetime) -> Self:
        if not self._is_news(dispatched_at):
            return self
        pause = self.pause / 2
        if pause < self.shortest:
            return replace(self, pause=timedelta(0), slowed_at=None, not_before=None)
        return replace(self, pause=pause)

    def dispatched(self, *, now: datetime) -> Self:
        if not self.pause:
            return self
        return replace(self, not_before=now + self.pause)

    def _is_news(self, dispatched_at: datetime) -> bool:
        """Twenty answers to attempts that were under way together tell one thing."""
        return self.slowed_at is None or dispatched_at > self.slowed_at


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFaults:
    """Shares, from 0 to 1, of the tasks that come twice, late or early.

    Which ones follows from the seed and their names, whatever order tasks come in.
    Late tasks and second deliveries come up to `late_by_seconds` late, early ones up to
    `early_by_seconds` early, as by a server whose clock is ahead.
    """

    twice_share: float = 0.0
    late_share: float = 0.0
    early_share: float = 0.0
    late_by_seconds: float = 2.0
    early_by_seconds: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        shares = (self.twice_share, self.late_share, self.early_share)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError("a share is a number from 0 to 1")
        if min(self.late_by_seconds, self.early_by_seconds) < 0:
            raise ValueError("late_by_seconds and early_by_seconds are not negative")

    def lateness(self, name: str) -> timedelta | None:
        return self._chosen("late", name, self.late_share, self.late_by_seconds)

    def earliness(self, name: str) -> timedelta | None:
        return self._chosen("early", name, self.early_share, self.early_by_seconds)

    def second_after(self, name: str) -> timedelta | None:
        return self._chosen("twice", name, self.twice_share, self.late_by_seconds)

    def _chosen(
        self, kind: str, name: str, share: float, most_seconds: float
    ) -> timedelta | None:
        # Not for secrets: the same seed must give the same faults.
        dice = random.Random(f"{self.seed}:{kind}:{name}")  # noqa: S311
        if dice.random() >= share:
            return None
        return timedelta(seconds=dice.uniform(0.0, most_seconds))
