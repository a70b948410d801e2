"""A process works on a job that it committed without reading it again.

If another process was faster, that costs one refused commit and nothing else.
"""

import pytest

from shared.domain.errors import Unreachable
from shared.domain.job import AttemptState, Job
from shared.domain.outcomes import CancelRequested, Polled, Succeeded, Working
from shared.domain.structs import replace
from shared.jobs.commit import SHORT_BACKOFF
from shared.ports.store import Task
from shared.worker import recent_jobs
from shared.worker.recent_jobs import RecentJobs
from tests.domain.examples import RUNWAY, a_job, a_new_job, at_provider, running, states
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness


def another_process(harness: Harness) -> Harness:
    """Shares everything but the process's memory."""
    names = ("jobs", "circuits", "queue", "bucket", "web", "clock", "ids", "providers")
    return Harness(**{name: getattr(harness, name) for name in names})


def kept(harness: Harness, job: Job) -> Task:
    """As if this process had just committed the job; returns its task, now due."""
    committed = harness.jobs.put(job)
    harness.recent.keep(committed)
    harness.scheduler.schedule_step(job)
    return due(harness)


def due(harness: Harness) -> Task:
    task = harness.queue.take()
    assert task
    harness.clock.move_to(task.at)
    return task


def test_a_job_that_one_process_works_on_is_read_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.providers[RUNWAY].polls = [Working(), Working(), Succeeded()]
    harness.step()
    assert harness.jobs.reads == 1

    job = harness.run()

    assert job.delivered
    assert harness.jobs.reads == 1


def test_a_task_delivered_twice_finds_the_current_job(harness: Harness) -> None:
    task = kept(harness, running(a_job(), RUNWAY))
    harness.deliver(task)

    harness.deliver(task)

    assert len(harness.providers[RUNWAY].polled) == 1
    assert len(harness.queue.tasks) == 1


def test_the_job_is_read_again_after_a_failed_step(harness: Harness) -> None:
    task = kept(harness, running(a_job(), RUNWAY))
    harness.jobs.troubles = [Trouble.UNREACHABLE] * (len(SHORT_BACKOFF) + 1)
    with pytest.raises(Unreachable):
        harness.deliver(task)
    reads = harness.jobs.reads

    harness.deliver(task)

    assert harness.jobs.reads == reads + 1


def test_a_task_of_a_later_version_finds_the_current_job(harness: Harness) -> None:
    task = kept(harness, running(a_job(), RUNWAY))
    harness.providers[RUNWAY].polls = [Succeeded()]
    another_process(harness).deliver(task)

    harness.deliver(due(harness))

    assert harness.job.delivered
    assert len(harness.providers[RUNWAY].polled) == 1


def test_a_start_begun_by_another_process_is_not_sent_again(harness: Harness) -> None:
    task = kept(harness, a_job())
    another_process(harness).step()

    harness.deliver(task)

    assert harness.starts == 1
    assert states(harness.job) == [("runway", "running")]


def test_a_poll_after_a_cancel_does_not_undo_it(harness: Harness) -> None:
    task = kept(harness, running(a_job(), RUNWAY))
    harness.committer.commit(harness.jobs.get("job1"), CancelRequested())

    harness.deliver(task)

    assert harness.job.cancel_requested_at
    assert at_provider(harness.job, RUNWAY).state is AttemptState.CANCELLING


def test_a_task_that_another_process_stores_is_not_cancelled(harness: Harness) -> None:
    job = running(a_job(), RUNWAY)
    attempt = at_provider(job, RUNWAY)
    closing = job.with_attempt(replace(attempt, state=AttemptState.CANCELLING))
    task = kept(harness, replace(closing, wake_at=harness.clock.now()))
    found = Polled(
        attempt_id=attempt.attempt_id, poll=Succeeded(), polled_at=harness.clock.now()
    )
    harness.committer.commit(harness.jobs.get("job1"), found)

    harness.deliver(task)

    assert harness.providers[RUNWAY].cancelled == []


def test_two_processes_on_the_same_job_leave_one_task(harness: Harness) -> None:
    first = kept(harness, running(a_job(), RUNWAY))
    other = another_process(harness)
    other.recent.keep(harness.jobs.get("job1"))
    processes = (harness, other)
    for process in processes:
        process.deliver(first)

    for nth in range(6):
        processes[nth % 2].deliver(due(harness))

    assert len(harness.queue.tasks) == 1


def test_a_deleted_job_is_not_recreated(harness: Harness) -> None:
    task = kept(harness, running(a_job(), RUNWAY))
    harness.jobs.remove("job1")

    harness.deliver(task)

    assert harness.jobs.all == []


def test_only_a_few_jobs_are_kept(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_jobs, "MAX_JOBS", 2)
    recent = RecentJobs()

    for nth in range(3):
        recent.keep(harness.jobs.put(a_job(job_id=f"job{nth}")))

    assert len(recent._jobs) == 2
