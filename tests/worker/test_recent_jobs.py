"""A process follows the job that it committed without reading it again.

Where another process was faster, that costs a refused commit and nothing else.
"""

import pytest

from shared.domain.errors import Unreachable
from shared.domain.job import AttemptState, Job
from shared.domain.outcomes import CancelRequested, Polled, Succeeded, Working
from shared.domain.structs import replace
from shared.jobs.commit import SHORT_BACKOFF
from shared.worker import recent_jobs
from shared.worker.recent_jobs import RecentJobs
from tests.domain.examples import RUNWAY, a_job, a_new_job, at_provider, running, states
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness


def another_process(harness: Harness) -> Harness:
    """Everything is shared but what the process remembers."""
    names = ("jobs", "circuits", "queue", "bucket", "web", "clock", "ids", "providers")
    return Harness(**{name: getattr(harness, name) for name in names})


def kept(harness: Harness, job: Job) -> None:
    """As if this process had just committed it and enqueued its task."""
    committed = harness.jobs.put(job)
    harness.recent.keep(committed)
    harness.scheduler.schedule_step(job)


def test_a_job_that_one_process_follows_is_read_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.providers[RUNWAY].polls = [Working(), Working(), Succeeded()]
    harness.step()
    assert harness.jobs.reads == 1

    job = harness.run()

    assert job.delivered
    assert harness.jobs.reads == 1


def test_a_task_that_is_brought_twice_finds_the_job_as_it_is(harness: Harness) -> None:
    kept(harness, running(a_job(), RUNWAY))
    task = harness.queue.take()
    assert task
    harness.clock.move_to(task.at)
    harness.deliver(task)

    harness.deliver(task)

    assert len(harness.providers[RUNWAY].asked) == 1
    assert len(harness.queue.tasks) == 1


def test_after_a_step_that_failed_the_job_is_read(harness: Harness) -> None:
    kept(harness, running(a_job(), RUNWAY))
    task = harness.queue.take()
    assert task
    harness.clock.move_to(task.at)
    harness.jobs.troubles = [Trouble.UNREACHABLE] * (len(SHORT_BACKOFF) + 1)
    with pytest.raises(Unreachable):
        harness.deliver(task)
    reads = harness.jobs.reads

    harness.deliver(task)

    assert harness.jobs.reads == reads + 1


def test_a_start_that_another_process_has_begun_is_not_sent_again(
    harness: Harness,
) -> None:
    kept(harness, a_job())
    task = harness.queue.take()
    assert task
    another_process(harness).step()

    harness.deliver(task)

    assert harness.starts == 1
    assert states(harness.job) == [("runway", "running")]


def test_a_poll_after_a_cancel_does_not_undo_it(harness: Harness) -> None:
    kept(harness, running(a_job(), RUNWAY))
    task = harness.queue.take()
    assert task
    harness.clock.move_to(task.at)
    harness.committer.commit(harness.jobs.get("job1"), CancelRequested())

    harness.deliver(task)

    assert harness.job.cancel_requested_at
    assert state(harness) is AttemptState.CANCELLING


def test_what_another_process_stores_is_not_cancelled(harness: Harness) -> None:
    job = running(a_job(), RUNWAY)
    attempt = at_provider(job, RUNWAY)
    closing = job.with_attempt(replace(attempt, state=AttemptState.CANCELLING))
    kept(harness, replace(closing, wake_at=harness.clock.now()))
    task = harness.queue.take()
    assert task
    found = Polled(attempt_id=attempt.attempt_id, poll=Succeeded())
    harness.committer.commit(harness.jobs.get("job1"), found)

    harness.deliver(task)

    assert harness.providers[RUNWAY].cancelled == []


def test_two_processes_that_follow_the_same_job_end_as_one(harness: Harness) -> None:
    kept(harness, running(a_job(), RUNWAY))
    other = another_process(harness)
    other.recent.keep(harness.jobs.get("job1"))
    first = harness.queue.take()
    assert first
    harness.clock.move_to(first.at)
    processes = (harness, other)
    for process in processes:
        process.deliver(first)

    for nth in range(6):
        task = harness.queue.take()
        assert task
        harness.clock.move_to(task.at)
        processes[nth % 2].deliver(task)

    assert len(harness.queue.tasks) == 1


def test_a_deleted_job_is_not_brought_back(harness: Harness) -> None:
    kept(harness, running(a_job(), RUNWAY))
    task = harness.queue.take()
    assert task
    harness.clock.move_to(task.at)
    harness.jobs.remove("job1")

    harness.deliver(task)

    assert harness.jobs.all == []


def test_only_so_many_are_kept(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_jobs, "MOST_JOBS", 2)
    recent = RecentJobs()

    for nth in range(3):
        recent.keep(harness.jobs.put(a_job(job_id=f"job{nth}")))

    assert len(recent._jobs) == 2


def state(harness: Harness) -> AttemptState:
    return at_provider(harness.job, RUNWAY).state
