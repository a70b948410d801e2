"""A cancel ends in one of two ways, and the money is right in both."""

from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import Link
from shared.domain.errors import (
    Conflict,
    ConflictReason,
    ErrorCode,
    NotFound,
    Unreachable,
)
from shared.domain.job import Job
from shared.domain.outcomes import Succeeded, Working
from shared.ports import Caller
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.wake import Waker
from tests.domain.examples import a_job, a_new_job, completed, running
from tests.usecases.stage import Stage

ANN = Caller(user_id="ann")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def cancel(stage: Stage, caller: Caller = ANN) -> Job:
    use_case = CancelVideo(
        jobs=stage.jobs, recorder=stage.recorder, waker=Waker(queue=stage.queue)
    )
    return use_case(caller, "job1")


def test_what_costs_nothing_yet_ends_at_once(stage: Stage) -> None:
    stage.jobs.put(a_new_job())

    job = cancel(stage)

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == 0
    assert stage.queue.wakes == []


def test_a_running_job_is_cancelled_and_keeps_its_price_as_spent(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), Link.RUNWAY))
    stage.links[Link.RUNWAY].polls = [Working()]

    assert not cancel(stage).is_final
    job = stage.run()

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == Decimal("0.40")
    assert [t.task_id for t in stage.links[Link.RUNWAY].cancelled] == ["task-runway"]


def test_what_was_made_meanwhile_is_stored_and_the_job_completes(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), Link.RUNWAY))
    stage.links[Link.RUNWAY].polls = [Succeeded()]

    cancel(stage)
    job = stage.run()

    assert job.delivered is not None
    assert stage.links[Link.RUNWAY].cancelled == []


def test_repeated_it_is_the_same(stage: Stage) -> None:
    stage.jobs.put(a_new_job())

    assert cancel(stage) == cancel(stage)


def test_it_is_on_record_once(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), Link.RUNWAY))

    with capture_logs() as lines:
        cancel(stage)
        cancel(stage)

    assert [line["event"] for line in lines] == ["video_cancelled"]


def test_an_ended_job_is_a_conflict(stage: Stage) -> None:
    stage.jobs.put(completed(a_job(), Link.RUNWAY))

    with pytest.raises(Conflict) as caught:
        cancel(stage)

    assert caught.value.reason is ConflictReason.JOB_ENDED


def test_anothers_job_is_not_found(stage: Stage) -> None:
    stage.jobs.put(a_new_job())

    with pytest.raises(NotFound):
        cancel(stage, Caller(user_id="bob"))


def test_with_the_queue_down_the_sweep_goes_on(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), Link.RUNWAY))
    stage.queue.failures = [Unreachable("down")]

    assert cancel(stage).cancel_requested_at is not None
