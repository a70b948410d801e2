"""A cancel ends in one of two ways, and the money is right in both."""

from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    Conflict,
    ConflictReason,
    ErrorCode,
    NotFound,
    Unreachable,
)
from shared.domain.job import Job
from shared.domain.outcomes import Succeeded, Working
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.usecases.cancel_video import CancelVideo
from tests.domain.examples import a_job, a_new_job, completed, running
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann")


@pytest.fixture
def harness() -> Harness:
    return Harness()


def cancel(harness: Harness, caller: Caller = ANN) -> Job:
    use_case = CancelVideo(
        jobs=harness.jobs,
        committer=harness.committer,
        scheduler=TaskScheduler(queue=harness.queue),
    )
    return use_case(caller, "job1")


def test_what_costs_nothing_yet_ends_at_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    job = cancel(harness)

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == 0
    assert harness.queue.wakes == []


def test_a_running_job_is_cancelled_and_keeps_its_price_as_spent(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Working()]

    assert not cancel(harness).is_final
    job = harness.run()

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == Decimal("0.40")
    assert [t.task_id for t in harness.providers[ProviderId.RUNWAY].cancelled] == [
        "task-runway"
    ]


def test_what_was_made_meanwhile_is_stored_and_the_job_completes(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]

    cancel(harness)
    job = harness.run()

    assert job.delivered is not None
    assert harness.providers[ProviderId.RUNWAY].cancelled == []


def test_repeated_it_is_the_same(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    assert cancel(harness) == cancel(harness)


def test_it_is_on_record_once(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))

    with capture_logs() as lines:
        cancel(harness)
        cancel(harness)

    assert [line["event"] for line in lines] == ["video_cancelled"]


def test_an_ended_job_is_a_conflict(harness: Harness) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))

    with pytest.raises(Conflict) as caught:
        cancel(harness)

    assert caught.value.reason is ConflictReason.JOB_ENDED


def test_anothers_job_is_not_found(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    with pytest.raises(NotFound):
        cancel(harness, Caller(user_id="bob"))


def test_with_the_queue_down_the_sweep_goes_on(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.queue.failures = [Unreachable("down")]

    assert cancel(harness).cancel_requested_at is not None
