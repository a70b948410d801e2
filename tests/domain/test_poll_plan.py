"""Learned poll plans: fewer polls, hardly later results, within the vendor's limits."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.bench.polls import Times, simulated
from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.job import Attempt
from shared.domain.poll_plan import (
    MAX_TASKS,
    MIN_TASKS,
    TaskTimes,
    TaskTiming,
    poll_plan,
)
from shared.domain.structs import replace
from tests.domain.examples import NOON, a_job, running

SECOND = timedelta(seconds=1)
MODEL, DURATION = "gen4_turbo", 5
TASKS = st.lists(
    st.tuples(st.integers(0, 599), st.integers(1, 60)).map(
        lambda pair: TaskTiming(working=pair[0], ready=pair[0] + pair[1])
    ),
    max_size=MAX_TASKS,
)


def an_attempt(**changes: Any) -> Attempt:
    (attempt,) = running(a_job(), ProviderId.RUNWAY).attempts
    return replace(attempt, **{"started_at": NOON, "polled_at": None, **changes})


def polls(attempt: Attempt) -> Iterator[float]:
    """When the attempt is polled while it works, in seconds since its start."""
    now = NOON
    while True:
        now = timing.next_poll_at(attempt, now)
        attempt = replace(attempt, polled_at=now)
        yield (now - NOON).total_seconds()


@pytest.mark.parametrize(
    ("takes", "max_polls", "max_lag"),
    [
        pytest.param(lambda c, _: 40 * c.lognormvariate(0, 0.25), 0.65, 1.1, id="fast"),
        pytest.param(lambda c, _: 90 * c.lognormvariate(0, 0.2), 0.55, 1.25, id="slow"),
        pytest.param(
            lambda c, _: c.choice([35, 110]) * c.lognormvariate(0, 0.15),
            *(0.65, 1.3),
            id="two kinds in one",
        ),
        pytest.param(
            lambda c, n: (40 + n / 2) * c.lognormvariate(0, 0.2), 0.55, 1.2, id="slower"
        ),
        pytest.param(
            lambda c, n: (190 - n / 2) * c.lognormvariate(0, 0.2),
            *(0.55, 1.2),
            id="faster",
        ),
        pytest.param(
            lambda c, n: (40 if n > 170 else 120) * c.lognormvariate(0, 0.2),
            *(0.55, 1.3),
            id="a new release is three times as fast",
        ),
    ],
)
def test_a_learned_plan_saves_polls_and_hardly_delays_results(
    takes: Times, max_polls: float, max_lag: float
) -> None:
    learned, every_5_s = simulated(an_attempt(), takes, seed=1, tasks=300)

    assert learned.polls <= max_polls * every_5_s.polls
    assert learned.mean_lag <= max_lag * every_5_s.mean_lag


@given(TASKS)
def test_no_plan_polls_too_often_or_long_after_the_deadline(
    tasks: list[TaskTiming],
) -> None:
    attempt = an_attempt(poll_plan=poll_plan(tasks), deadline_at=NOON + 600 * SECOND)

    times = [0.0]
    for at in polls(attempt):
        times.append(at)
        if at >= 600:
            break

    assert all(later - sooner >= 5 for sooner, later in pairwise(times))
    assert times[-1] <= 600 + timing.MIN_POLL_INTERVAL.total_seconds()


def test_a_few_tasks_are_not_enough_for_a_plan() -> None:
    took = TaskTiming(working=30, ready=35)

    assert poll_plan([took] * (MIN_TASKS - 1)) == ()
    assert poll_plan([took] * MIN_TASKS)[0] in range(30, 40)


def test_a_task_queued_at_its_vendor_is_polled_by_the_fixed_plan() -> None:
    """Without the time at which work began, a learned plan doesn't apply."""
    planned = an_attempt(poll_plan=(300,))

    assert timing.next_poll_at(planned, NOON) == NOON + 300 * SECOND
    waiting = replace(planned, queued_at_vendor=True)
    assert timing.next_poll_at(waiting, NOON) == NOON + timing.MIN_POLL_INTERVAL


def test_a_late_poll_postpones_the_next_one() -> None:
    late = replace(an_attempt(poll_plan=(30, 35, 40)), polled_at=NOON + 33 * SECOND)

    assert timing.next_poll_at(late, NOON + 33 * SECOND) == NOON + 40 * SECOND
    late = replace(late, polled_at=NOON + 32 * SECOND)
    assert timing.next_poll_at(late, NOON + 32 * SECOND) == NOON + 37 * SECOND


def test_only_the_latest_tasks_of_each_kind_are_kept() -> None:
    seen = [("a 5", TaskTiming(working=n, ready=n + 5)) for n in range(MAX_TASKS + 3)]

    kept = TaskTimes().plus(seen).plus([("b 5", seen[0][1])])

    assert kept.of("a", 5) == tuple(took for _, took in seen[3:])
    assert kept.of("b", 5) == (seen[0][1],)


@pytest.mark.parametrize("ready", [-1000, -20, -15, 0])
def test_a_clock_set_back_breaks_no_plan(ready: int) -> None:
    plan = poll_plan([TaskTiming(working=ready - 5, ready=ready)] * MIN_TASKS)

    assert plan == tuple(sorted(plan))
    assert all(at >= 5 for at in plan)


def test_the_usual_time_is_the_lower_median() -> None:
    def usual(*ready: int) -> int | None:
        seen = [("a 5", TaskTiming(working=0, ready=each)) for each in ready]
        return TaskTimes().plus(seen).usual_seconds("a", 5)

    assert usual(80, 30, 600, 90, 80, 30, 600, 90) == 80
    assert usual(80, 30, 600, 90, 80, 30, 600, 90, 91) == 90
    clock_that_went_back = (-20, 0)
    assert usual(*clock_that_went_back, *[40] * 8) == 40


def test_a_usual_time_needs_eight_tasks() -> None:
    seen = [("a 5", TaskTiming(working=30, ready=35))] * 8

    assert TaskTimes().plus(seen[:7]).usual_seconds("a", 5) is None
    assert TaskTimes().plus(seen).usual_seconds("a", 5) == 35
