"""Simulates planned polls, compared to a poll every five seconds from the start.

Nothing is run: durations are drawn from distributions, and the poll plan's functions
say when a task is polled. The first forty tasks of each kind teach it and don't count.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from local.bench.figures import Row, percentile, print_compared
from shared.domain import timing
from shared.domain.job import Attempt
from shared.domain.poll_plan import TaskTimes, TaskTiming, poll_plan, task_kind
from shared.domain.structs import replace

REFERENCE_INTERVAL_SECONDS = timing.POLL_SPACING.total_seconds()
REFERENCE = "a poll every 5 s from the start, the same tasks"
TASKS, LEARNING, SEEDS = 400, 40, 5
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
    # Here, because the tests of the poll plan do without Firestore's client.
    from local.bench.at_vendor import job_at_vendor

    (attempt,) = job_at_vendor().attempts
    for name, takes in KINDS.items():
        runs = (simulated(attempt, takes, seed, TASKS) for seed in range(SEEDS))
        learned, every = zip(*runs, strict=True)
        rows: Sequence[Row[Run]] = (
            (f"steps_per_job_{name}", "polls", lambda run: run.polls, "at most 0.6"),
            (f"delivery_lag_mean_{name}", "s", lambda run: run.mean_lag, "at most 1.1"),
            (f"delivery_lag_p50_{name}", "s", lambda run: percentile(run.lags, 50), ""),
            (f"delivery_lag_p95_{name}", "s", lambda run: percentile(run.lags, 95), ""),
        )
        print_compared(REFERENCE, every, learned, rows)


def simulated(attempt: Attempt, takes: Times, seed: int, tasks: int) -> tuple[Run, Run]:
    """With plans learned from the tasks before each, and with the reference's polls.

    `attempt`: one that has just begun.
    """
    rng, times = random.Random(seed), TaskTimes()  # noqa: S311 - not secret
    all_took = [takes(rng, nth) for nth in range(tasks)]
    all_seen = []
    for took in all_took:
        planned = replace(attempt, poll_plan=poll_plan(times.of("m", 5)))
        last, *before = reversed(list(_polls_until(planned, took)))
        # As `PollPlanner` does if the first poll finds the result.
        working = next(iter(before), last / 2)
        seen = TaskTiming(working=int(working), ready=int(last) + 1)
        times = times.plus([(task_kind("m", 5), seen)])
        all_seen.append((1 + len(before), last - took))
    every_5 = [-(-took // REFERENCE_INTERVAL_SECONDS) for took in all_took]
    reference = [
        (polls, polls * REFERENCE_INTERVAL_SECONDS - took)
        for polls, took in zip(every_5, all_took, strict=True)
    ]
    return _counted(all_seen), _counted(reference)


def _counted(tasks: Sequence[tuple[float, float]]) -> Run:
    polls, lags = zip(*tasks[LEARNING:], strict=True)
    return Run(sum(polls) / len(polls), list(lags))


def _polls_until(attempt: Attempt, took: float) -> Iterator[float]:
    """The seconds of each poll, up to the one that finds the result."""
    at, seconds = attempt.started_at, 0.0
    while seconds < took:
        at = timing.next_poll_at(attempt, at)
        attempt = replace(attempt, polled_at=at)
        seconds = (at - attempt.started_at).total_seconds()
        yield seconds
