"""What workers learn of vendors' times, and what their store may do to them."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Attempt
from shared.domain.outcomes import Accepted, Succeeded
from shared.domain.poll_plan import FEWEST, TaskTimes, Took, kind, poll_plan
from shared.domain.structs import replace
from shared.worker.poll_planner import CACHED, WRITE_EVERY, PollPlanner
from tests.domain.examples import NOON, a_job, running
from tests.fakes.clock import FrozenClock
from tests.fakes.task_times import FakeTaskTimes
from tests.usecases.harness import Harness

MODEL, DURATION = "gen4_turbo", 5
TOOK = Took(working=30, ready=35)
KNOWN = TaskTimes(kinds={kind(MODEL, DURATION): (TOOK,) * FEWEST})


@pytest.fixture
def store() -> FakeTaskTimes:
    return FakeTaskTimes()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def planner(store: FakeTaskTimes, clock: FrozenClock) -> PollPlanner:
    return PollPlanner(store=store, clock=clock)


def an_attempt(**changes: Any) -> Attempt:
    (attempt,) = running(a_job(), ProviderId.RUNWAY).attempts
    known: dict[str, Any] = {"model_id": MODEL, "duration_seconds": DURATION}
    known["started_at"] = NOON
    return replace(attempt, **known | changes)


def plan(planner: PollPlanner) -> tuple[int, ...]:
    return planner.plan(MODEL, DURATION)


def test_a_plan_is_made_of_what_all_workers_saw(
    planner: PollPlanner, store: FakeTaskTimes
) -> None:
    store.times = KNOWN

    assert plan(planner) == poll_plan([TOOK] * FEWEST) != ()
    assert planner.plan(MODEL, DURATION + 1) == ()


def test_what_a_task_took_is_between_its_last_two_polls(
    planner: PollPlanner, store: FakeTaskTimes, clock: FrozenClock
) -> None:
    clock.at = NOON + timedelta(seconds=41.5)

    planner.succeeded(an_attempt(polled_at=NOON + timedelta(seconds=36.4)))

    assert store.times.of(MODEL, DURATION) == (Took(working=36, ready=42),)


def test_a_result_that_the_first_poll_finds_draws_the_next_first_poll_nearer(
    planner: PollPlanner, store: FakeTaskTimes, clock: FrozenClock
) -> None:
    store.times = KNOWN
    before = plan(planner)[0]
    for _ in range(FEWEST):
        clock.at += WRITE_EVERY
        started = clock.at - timedelta(seconds=before)
        planner.succeeded(an_attempt(started_at=started, polled_at=None))

    assert plan(planner)[0] < before - 5


def test_the_shared_document_is_read_and_written_rarely(
    planner: PollPlanner, store: FakeTaskTimes, clock: FrozenClock
) -> None:
    for _ in range(20):
        plan(planner)
        planner.succeeded(an_attempt(polled_at=NOON))
    assert (store.reads, store.commits) == (2, 1)

    clock.at += WRITE_EVERY
    planner.succeeded(an_attempt(polled_at=NOON))
    assert (store.commits, len(store.times.of(MODEL, DURATION))) == (2, 21)

    clock.at += CACHED
    plan(planner)
    assert store.reads == 4


@pytest.mark.parametrize(
    "error", [Unreachable("x"), LostRace("x"), CommitUncertain("x")]
)
def test_a_store_in_trouble_costs_nothing_but_the_plan(
    planner: PollPlanner, store: FakeTaskTimes, clock: FrozenClock, error: Any
) -> None:
    store.read_failures, store.failures = [Unreachable("down")], [error]

    assert plan(planner) == ()
    planner.succeeded(an_attempt(polled_at=NOON))
    assert store.times == TaskTimes()

    clock.at += WRITE_EVERY
    planner.succeeded(an_attempt(polled_at=NOON))
    assert len(store.times.of(MODEL, DURATION)) == 2


def test_a_job_is_polled_by_the_plan_and_what_it_took_is_learned() -> None:
    harness = Harness()
    runway = harness.providers[ProviderId.RUNWAY]
    runway.submissions, runway.polls = [Accepted(task_id="t")], [Succeeded()]
    job = a_job(chain=(ProviderId.RUNWAY,))
    planned = job.chain[0]
    name = kind(planned.model_id, planned.duration_seconds)
    harness.task_times.times = TaskTimes(kinds={name: (TOOK,) * FEWEST})
    harness.jobs.create(job)

    job = harness.step()
    first = poll_plan([TOOK] * FEWEST)[0]
    assert job.wake_at == job.attempts[0].started_at + timedelta(seconds=first)

    harness.clock.move_to(job.wake_at)
    harness.step()
    (*_, latest) = harness.task_times.times.kinds[name]
    assert latest.ready == first + 1


def test_a_start_does_not_need_the_plan() -> None:
    harness = Harness()
    harness.providers[ProviderId.RUNWAY].submissions = [Accepted(task_id="t")]
    harness.task_times.read_failures = [Unreachable("down")]
    harness.jobs.create(a_job(chain=(ProviderId.RUNWAY,)))

    job = harness.step()

    assert job.attempts[0].task_id == "t"
    assert job.wake_at == job.attempts[0].started_at + timing.SHORTEST_POLL
