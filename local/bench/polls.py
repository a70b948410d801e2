"""Learned polls beside a poll every five seconds from the start, simulated.

Nothing runs: times are drawn from distributions, and the plan's own functions say when
a task is polled. The first forty tasks of each kind, in which it learns, don't count.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from local.bench.figures import Row, percentile, print_beside
from shared.domain import timing
from shared.domain.catalogue import ProviderId, Vendor
from shared.domain.job import Attempt, AttemptState
from shared.domain.poll_plan import TaskTimes, Took, kind, poll_plan

EVERY = timing.POLL_SPACING.total_seconds()
EVERY_5 = "a poll every 5 s from the start, the same tasks"
TASKS, LEARNING, SEEDS = 400, 40, 5
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
Times = Callable[[random.Random, int], float]
# Seconds that a task takes, with the catalogue's medians: vendors publish nothing.
KINDS: Mapping[str, Times] = {
    "gen4_turbo": lambda luck, _: 40 * luck.lognormvariate(0, 0.25),
    "veo": lambda luck, _: 90 * luck.lognormvariate(0, 0.25),
    "two_kinds_in_one": lambda luck, _: (
        luck.choice((35, 110)) * luck.lognormvariate(0, 0.15)
    ),
    "drifting": lambda luck, nth: (40 + nth / 4) * luck.lognormvariate(0, 0.2),
}


@dataclass(frozen=True, slots=True)
class Run:
    polls: float
    lags: list[float]

    @property
    def mean_lag(self) -> float:
        return sum(self.lags) / len(self.lags)


def measure() -> None:
    for name, takes in KINDS.items():
        learned, every = zip(*(_run(takes, seed) for seed in range(SEEDS)), strict=True)
        rows: Sequence[Row[Run]] = (
            (f"steps_per_job_{name}", "polls", lambda run: run.polls, "at most 0.6"),
            (f"delivery_lag_mean_{name}", "s", lambda run: run.mean_lag, "at most 1.1"),
            (f"delivery_lag_p50_{name}", "s", lambda run: percentile(run.lags, 50), ""),
            (f"delivery_lag_p95_{name}", "s", lambda run: percentile(run.lags, 95), ""),
        )
        print_beside(EVERY_5, every, learned, rows)


def _run(takes: Times, seed: int) -> tuple[Run, Run]:
    luck, times = random.Random(seed), TaskTimes()  # noqa: S311 - not secret
    polls: list[int] = []
    lags: list[float] = []
    all_took = [takes(luck, nth) for nth in range(TASKS)]
    for took in all_took:
        seen = list(_polls(poll_plan(times.of("m", 5)), took))
        working = int(seen[-2]) if seen[1:] else int(seen[-1] / 2)
        known = Took(working=working, ready=int(seen[-1]) + 1)
        times = times.plus([(kind("m", 5), known)])
        polls.append(len(seen))
        lags.append(seen[-1] - took)
    counted = all_took[LEARNING:]
    every = [int(-(-took // EVERY)) for took in counted]
    beside = [n * EVERY - took for n, took in zip(every, counted, strict=True)]
    return (
        Run(sum(polls[LEARNING:]) / len(counted), lags[LEARNING:]),
        Run(sum(every) / len(counted), beside),
    )


def _polls(plan: tuple[int, ...], took: float) -> Iterator[float]:
    """Until the one that finds the result."""
    attempt = Attempt(
        attempt_id="a",
        provider_id=ProviderId.RUNWAY,
        vendor=Vendor.RUNWAY,
        model_id="m",
        duration_seconds=5,
        price_usd=Decimal(0),
        state=AttemptState.RUNNING,
        started_at=BEGAN,
        deadline_at=BEGAN + timedelta(hours=1),
        lease_until=BEGAN,
        poll_plan=plan,
    )
    at, seconds = BEGAN, 0.0
    while seconds < took:
        at = timing.next_poll_at(attempt, at)
        seconds = (at - BEGAN).total_seconds()
        yield seconds
