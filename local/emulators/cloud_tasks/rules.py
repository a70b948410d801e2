"""The retries and rate limits of Cloud Tasks.

Source: the comments on `RetryConfig` and `RateLimits` in google.cloud.tasks.v2. That
Cloud Tasks slows a whole queue after a 429 or 503 is left out.
"""

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

QUEUES = Path(__file__).resolve().parents[3] / "infra" / "queues.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """A queue's settings, named as in Terraform."""

    max_dispatches_per_second: float = 500.0
    max_concurrent_dispatches: int = 1000
    max_attempts: int = 100
    min_backoff_seconds: float = 0.1
    max_backoff_seconds: float = 3600.0
    max_doublings: int = 16

    @property
    def burst(self) -> int:
        """As observed on queues with such rates; Google documents no figure."""
        return max(10, min(100, math.ceil(self.max_dispatches_per_second)))

    def backoff(self, failures: int) -> timedelta:
        """The delay after the `failures`-th failure (from 1).

        Doubles `max_doublings` times, then grows by the last step.
        """
        doublings = min(failures - 1, self.max_doublings)
        steps = max(failures - self.max_doublings, 1)
        seconds = self.min_backoff_seconds * 2.0**doublings * steps
        return timedelta(seconds=min(seconds, self.max_backoff_seconds))


def terraform_queues() -> Mapping[str, QueueRules]:
    """Rules by queue, from the same file that Terraform reads."""
    return {name: QueueRules(**q) for name, q in json.loads(QUEUES.read_text()).items()}


@dataclass(slots=True)
class TokenBucket:
    """A queue's rate limit, stored as the time at which the bucket is full again."""

    rules: QueueRules
    full_at: datetime

    @property
    def ready_at(self) -> datetime:
        """When a whole token is available."""
        return self.full_at - (self.rules.burst - 1) * self._one

    def take(self, now: datetime) -> None:
        self.full_at = max(self.full_at, now) + self._one

    @property
    def _one(self) -> timedelta:
        return timedelta(seconds=1 / self.rules.max_dispatches_per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFaults:
    """Shares, from 0 to 1, of the tasks that are delivered twice, late or early.

    The seed and a task's name decide, whatever order tasks come in. Late tasks and
    second deliveries are up to `late_by_seconds` late, early ones up to
    `early_by_seconds` early, as from a server whose clock is ahead.
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
        self, kind: str, name: str, share: float, max_seconds: float
    ) -> timedelta | None:
        seed = f"{self.seed}:{kind}:{name}"
        rng = random.Random(seed)  # noqa: S311 - repeatable, no secret
        if rng.random() >= share:
            return None
        return timedelta(seconds=rng.uniform(0.0, max_seconds))
