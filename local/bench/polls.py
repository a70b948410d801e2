"""Simulates planned polls, compared to a poll every five seconds from the start.

Nothing is run: durations are drawn from distributions, and the poll plan's functions
say when a task is polled. The first forty tasks of each kind teach it and don't count.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.bench.at_vendor import job_at_vendor
from local.bench.figures import Row, percentile, print_compared
from shared.domain import timing
from shared.domain.job import Attempt
from shared.domain.poll_plan import TaskTimes, TaskTiming, poll_plan, task_kind
from shared.domain.structs import replace

REFERENCE_INTERVAL_SECONDS = timing.POLL_SPACING.total_seconds()
REFERENCE = "a poll every 5 s from the start, the same tasks"
TASKS, LEARNING, SEEDS = 400, 40, 5
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
Times = Callable[[random.Random, int], float]
# Seconds that a task takes, with the catalogue's medians, as vendors publish nothing.
KINDS: Mapping[str, Times] = {
    "gen4_turbo": lambda rng, _: 40 * rng.lognormvariate(0, 0.25),
    "veo": lambda rng, _: 90 * rng.lognormvariate(0, 0.25),
    "two_kinds_in_one": lambda rng, _: (
        rng.choice((35, 110)) * rng.lognormvariate(0, 0.15)
    ),
    "drifting": lambda rng, nth: (40 + nth / 4) * rng.lognormvariate(0, 0.2),
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
        print_compared(REFERENCE, every, learned, rows)


def _run(takes: Times, seed: int) -> tuple[Run, Run]:
    rng, times = random.Random(seed), TaskTimes()  # noqa: S311 - not secret
    (attempt,) = job_at_vendor().attempts
    attempt = replace(
        attempt, started_at=STARTED_AT, deadline_at=STARTED_AT + timedelta(hours=1)
    )
    polls: list[int] = []
    lags: list[float] = []
    all_took = [takes(rng, nth) for nth in range(TASKS)]
    for took in all_took:
        plan = poll_plan(times.of("m", 5))
        seen = list(_polls(replace(attempt, poll_plan=plan), took))
        working = int(seen[-2]) if seen[1:] else int(seen[-1] / 2)
        known = TaskTiming(working=working, ready=int(seen[-1]) + 1)
        times = times.plus([(task_kind("m", 5), known)])
        polls.append(len(seen))
        lags.append(seen[-1] - took)
    counted = all_took[LEARNING:]
    every = [int(-(-took // REFERENCE_INTERVAL_SECONDS)) for took in counted]
    reference_lags = [
        n * REFERENCE_INTERVAL_SECONDS - took
        for n, took in zip(every, counted, strict=True)
    ]
    return (
        Run(sum(polls[LEARNING:]) / len(counted), lags[LEARNING:]),
        Run(sum(every) / len(counted), reference_lags),
    )


def _polls(attempt: Attempt, took: float) -> Iterator[float]:
    """The seconds of each poll, up to the one that finds the result."""
    at, seconds = STARTED_AT, 0.0
    while seconds < took:
        at = timing.next_poll_at(attempt, at)
        seconds = (at - STARTED_AT).total_seconds()
        yield seconds
