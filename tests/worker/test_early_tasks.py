"""A task that arrives early, because clocks differ, is always followed by another.

Its name can't be reused, so the next task has another name; a task that is delivered
twice leaves only one.
"""

from datetime import timedelta

import pytest

from shared.domain import timing
from shared.domain.errors import ErrorCode
from shared.domain.job import Job
from shared.domain.kill_switch import Level
from shared.domain.naming import task_name
from shared.domain.outcomes import Succeeded, Working
from shared.domain.structs import replace
from shared.ports.store import Task
from tests.domain.examples import (
    RUNWAY,
    SECOND,
    a_job,
    a_new_job,
    answered,
    rejected,
    running,
    started,
)
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import Harness

LIMITED = rejected(ErrorCode.RATE_LIMITED)
EARLY = [0, 0.5, 1, 1.1, 2, 3, 4, 4.9, 5, 5.1, 8]


class TimedProvider(ScriptedProvider):
    """Records when it was polled."""

    def __init__(self, harness: Harness) -> None:
        super().__init__()
        self._harness = harness
        self.polled_at = [harness.clock.now() - timing.POLL_SPACING]

    def poll(self, task: object) -> Working | Succeeded:
        self.polled_at.append(self._harness.clock.now())
        return Working() if len(self.polled_at) < 6 else Succeeded()


def take(harness: Harness) -> Task:
    task = harness.queue.take()
    assert task, "no task is left: the job sleeps until the sweep"
    return task


def deliver(harness: Harness, task: Task, early: float) -> None:
    harness.clock.at = max(harness.clock.at, task.at - timedelta(seconds=early))
    harness.deliver(task)


@pytest.mark.parametrize("early", EARLY)
@pytest.mark.parametrize(
    "job",
    [
        running(a_job(), RUNWAY),
        started(a_job(), RUNWAY),
        answered(a_job(), RUNWAY, LIMITED),
    ],
    ids=["running", "starting", "rate-limited"],
)
def test_an_early_task_is_followed_by_another(
    harness: Harness, job: Job, early: float
) -> None:
    harness.jobs.put(job)
    harness.step()

    for _ in range(2):
        deliver(harness, take(harness), early)

    assert take(harness).at >= harness.clock.now()


@pytest.mark.parametrize("early", [e for e in EARLY if e <= 5])
def test_a_job_whose_tasks_are_all_early_ends_without_the_sweep(
    harness: Harness, early: float
) -> None:
    harness.jobs.put(running(a_job(), RUNWAY))
    runway = TimedProvider(harness)
    harness.providers[RUNWAY] = runway
    harness.step()

    while not harness.job.is_final:
        deliver(harness, take(harness), early)

    assert harness.job.delivered
    pairs = zip(runway.polled_at, runway.polled_at[1:], strict=False)
    assert min(after - before for before, after in pairs) >= timing.POLL_SPACING


@pytest.mark.parametrize(
    ("version", "early", "later"),
    [(1, 3, 3), (1, 8, 5), (1, 0, 0), (1, -2, 0), (0, 3, 0)],
    ids=["early", "earlier than clocks differ", "on time", "late", "another version's"],
)
def test_the_next_task_is_later_by_as_much_as_this_one_was_early(
    harness: Harness, version: int, early: int, later: int
) -> None:
    job = running(a_job(), RUNWAY)
    assert job.version == 1 and job.wake_at
    until = job.wake_at + timing.POLL_SPACING

    harness.scheduler.schedule_after_early_task(
        job, until, job.wake_at - early * SECOND, task_name(job.job_id, version, 0)
    )

    assert take(harness).at == until + later * SECOND


@pytest.mark.parametrize("late", EARLY)
def test_a_task_delivered_again_starts_no_second_series_of_tasks(
    harness: Harness, late: float
) -> None:
    harness.jobs.put(replace(running(a_job(), RUNWAY), wake_at=harness.clock.now()))
    harness.step()
    first = take(harness)
    deliver(harness, first, 0)

    harness.clock.pause(min(late, 5.9))
    deliver(harness, first, 0)
    for _ in range(3):
        deliver(harness, take(harness), 0)

    assert len(harness.queue.tasks) == 1


@pytest.mark.parametrize("early", EARLY)
def test_a_parked_job_whose_tasks_are_all_early_ends(early: float) -> None:
    """Its task is due when it is too late to start, and arrives when it isn't yet."""
    for seconds in range(0, 62, 5):
        harness = Harness()
        harness.jobs.create(a_new_job())
        harness.set_level(Level.PAUSED)
        harness.clock.pause(seconds)
        harness.step()
        for _ in range(200):
            if harness.job.is_final:
                break
            is_parked = harness.job.is_parked
            deliver(harness, take(harness), early if is_parked else 0)

        assert harness.job.is_final
