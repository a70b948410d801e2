"""When Cloud Tasks tries again, how fast a queue goes, and when it slows down.

Sources: the comments on `RetryConfig`, `RateLimits` and `HttpRequest` in
google.cloud.tasks.v2 and https://docs.cloud.google.com/tasks/docs/common-pitfalls.
"""

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

QUEUES = Path(__file__).resolve().parents[3] / "infra" / "queues.json"
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """One queue's settings, with the names that Terraform gives them."""

    max_dispatches_per_second: float = 500.0
    max_concurrent_dispatches: int = 1000
    max_attempts: int = 100
    min_backoff_seconds: float = 0.1
    max_backoff_seconds: float = 3600.0
    max_doublings: int = 16

    @property
    def burst(self) -> int:
        """What queues of these rates were seen to get; Google promises no figure."""
        return max(10, min(100, math.ceil(self.max_dispatches_per_second)))

    def backoff(self, failures: int) -> timedelta:
        """How long after the `failures`-th failure (from 1) the next attempt is due.

        Doubles `max_doublings` times, then grows by the last step.
        """
        doublings = min(failures - 1, self.max_doublings)
        steps = max(failures - self.max_doublings, 1)
        seconds = self.min_backoff_seconds * 2.0**doublings * steps
        return timedelta(seconds=min(seconds, self.max_backoff_seconds))


def terraforms_queues() -> Mapping[str, QueueRules]:
    """By name, from the file that Terraform reads, too."""
    return {name: QueueRules(**q) for name, q in json.loads(QUEUES.read_text()).items()}


@dataclass(slots=True)
class TokenBucket:
    """What is left of a queue's burst, kept as the moment at which it is full again."""

    rules: QueueRules
    full_at: datetime

    @property
    def ready_at(self) -> datetime:
        """When one whole token is there."""
        return self.full_at - (self.rules.burst - 1) * self._one

    def take(self, now: datetime) -> None:
        self.full_at = max(self.full_at, now) + self._one

    @property
    def _one(self) -> timedelta:
        return timedelta(seconds=1 / self.rules.max_dispatches_per_second)


@dataclass(slots=True)
class Throttle:
    """System throttling: after a 429 or 503 the whole queue waits between dispatches.

    The pause doubles when an attempt made since the last such answer fails alike, and a
    success ends it. Google does not publish its figures; these slow a queue visibly and
    let it recover.
    """

    not_before: datetime
    pause: timedelta = timedelta(0)
    slowed_at: datetime | None = None

    def dispatched(self, now: datetime) -> None:
        if self.pause:
            self.not_before = now + self.pause

    def answered(
        self, status: int | None, dispatched_at: datetime, now: datetime
    ) -> None:
        if self.slowed_at and dispatched_at <= self.slowed_at:
            return  # answers to attempts that were under way together tell one thing
        if status in (429, 503):
            self.pause = min(max(self.pause * 2, _SHORTEST_PAUSE), _LONGEST_PAUSE)
            self.slowed_at, self.not_before = now, now + self.pause
        elif is_success(status):
            self.pause, self.slowed_at, self.not_before = timedelta(0), None, now


def is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


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
