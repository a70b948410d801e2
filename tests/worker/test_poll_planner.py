"""Poll plans learned from all workers' tasks, and failures of the shared document."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.job import Attempt
from shared.domain.outcomes import Accepted, Succeeded
from shared.domain.poll_plan import (
    MIN_TASKS,
    TaskTimes,
    TaskTiming,
    poll_plan,
    task_kind,
)
from shared.domain.structs import replace
from shared.worker.poll_planner import (
    CACHE_TTL,
    MAX_UNWRITTEN,
    WRITE_INTERVAL,
    PollPlanner,
)
from tests.domain.examples import NOON, a_job, running
from tests.fakes.clock import FrozenClock
from tests.fakes.document import FakeDocument
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness

MODEL, DURATION = "gen4_turbo", 5
TOOK = TaskTiming(working=30, ready=35)
KNOWN = TaskTimes(kinds={task_kind(MODEL, DURATION): (TOOK,) * MIN_TASKS})


@pytest.fixture
def store() -> FakeDocument[TaskTimes]:
    return FakeDocument(TaskTimes())


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def planner(store: FakeDocument[TaskTimes], clock: FrozenClock) -> PollPlanner:
    return PollPlanner(store=store, clock=clock)


def an_attempt(**changes: Any) -> Attempt:
    (attempt,) = running(a_job(), ProviderId.RUNWAY).attempts
    known: dict[str, Any] = {"model_id": MODEL, "duration_seconds": DURATION}
    known["started_at"] = NOON
    return replace(attempt, **known | changes)


def plan(planner: PollPlanner) -> tuple[int, ...]:
    return planner.plan(MODEL, DURATION)


def test_a_plan_is_based_on_the_tasks_of_all_workers(
    planner: PollPlanner, store: FakeDocument[TaskTimes]
) -> None:
    store.value = KNOWN

    assert plan(planner) == poll_plan([TOOK] * MIN_TASKS) != ()
    assert planner.plan(MODEL, DURATION + 1) == ()


@pytest.mark.parametrize(
    ("polled", "found", "took"),
    [
        (36.4, 41.5, TaskTiming(working=36, ready=42)),
        (10.0, 60.9, TaskTiming(working=10, ready=61)),
        (None, 60.9, TaskTiming(working=30, ready=61)),
    ],
    ids=["soon", "after a long pause", "by the first poll"],
)
def test_a_task_became_ready_between_its_last_two_polls(
    planner: PollPlanner,
    store: FakeDocument[TaskTimes],
    clock: FrozenClock,
    polled: float | None,
    found: float,
    took: TaskTiming,
) -> None:
    clock.at = NOON + timedelta(seconds=found)
    polled_at = None if polled is None else NOON + timedelta(seconds=polled)

    planner.succeeded(an_attempt(polled_at=polled_at))

    assert store.value.of(MODEL, DURATION) == (took,)


def test_nothing_is_learned_from_a_task_whose_vendor_did_not_answer(
    planner: PollPlanner, store: FakeDocument[TaskTimes], clock: FrozenClock
) -> None:
    clock.move(timedelta(minutes=20))

    planner.succeeded(
        an_attempt(polled_at=clock.at - timedelta(seconds=15), missed_polls=1)
    )

    assert store.value == TaskTimes()


def test_a_result_found_by_the_first_poll_makes_later_first_polls_earlier(
    planner: PollPlanner, store: FakeDocument[TaskTimes], clock: FrozenClock
) -> None:
    store.value = KNOWN
    before = plan(planner)[0]
    for _ in range(MIN_TASKS):
        clock.at += WRITE_INTERVAL
        started = clock.at - timedelta(seconds=before)
        planner.succeeded(an_attempt(started_at=started, polled_at=None))

    assert plan(planner)[0] < before - 5


def test_the_shared_document_is_read_and_written_rarely(
    planner: PollPlanner, store: FakeDocument[TaskTimes], clock: FrozenClock
) -> None:
    for _ in range(20):
        plan(planner)
        planner.succeeded(an_attempt(polled_at=NOON))
    assert (store.reads, store.commits) == (2, 1)

    clock.at += WRITE_INTERVAL
    planner.succeeded(an_attempt(polled_at=NOON))
    assert (store.commits, len(store.value.of(MODEL, DURATION))) == (2, 21)

    clock.at += CACHE_TTL
    plan(planner)
    assert store.reads == 4


@pytest.mark.parametrize(
    "trouble", [Trouble.UNREACHABLE, Trouble.LOST_RACE, Trouble.NOT_APPLIED]
)
def test_a_failing_store_costs_only_the_plan(
    planner: PollPlanner,
    store: FakeDocument[TaskTimes],
    clock: FrozenClock,
    trouble: Trouble,
) -> None:
    store.read_failures, store.troubles = [Unreachable("down")], [trouble]

    assert plan(planner) == plan(planner) == ()
    assert store.reads == 1
    planner.succeeded(an_attempt(polled_at=NOON))
    assert store.value == TaskTimes()

    clock.at += WRITE_INTERVAL
    planner.succeeded(an_attempt(polled_at=NOON))
    assert len(store.value.of(MODEL, DURATION)) == 2


def test_while_the_store_fails_only_the_latest_hundred_tasks_are_kept(
    planner: PollPlanner, store: FakeDocument[TaskTimes], clock: FrozenClock
) -> None:
    store.troubles = [Trouble.UNREACHABLE]
    oldest, others = an_attempt(model_id="oldest"), [an_attempt()] * MAX_UNWRITTEN
    for attempt in (oldest, *others):
        planner.succeeded(replace(attempt, polled_at=NOON))

    clock.at += WRITE_INTERVAL
    planner.succeeded(an_attempt(polled_at=NOON))

    assert set(store.value.kinds) == {task_kind(MODEL, DURATION)}


def test_a_job_is_polled_by_the_plan_and_its_time_is_recorded() -> None:
    harness = Harness()
    runway = harness.providers[ProviderId.RUNWAY]
    runway.submissions, runway.polls = [Accepted(task_id="t")], [Succeeded()]
    job = a_job(chain=(ProviderId.RUNWAY,))
    planned = job.chain[0]
    name = task_kind(planned.model_id, planned.duration_seconds)
    harness.task_times.value = TaskTimes(kinds={name: (TOOK,) * MIN_TASKS})
    harness.jobs.create(job)

    job = harness.step()
    first = poll_plan([TOOK] * MIN_TASKS)[0]
    assert job.wake_at == job.attempts[0].started_at + timedelta(seconds=first)

    harness.clock.move_to(job.wake_at)
    harness.step()
    (*_, latest) = harness.task_times.value.kinds[name]
    assert latest.ready == first + 1
