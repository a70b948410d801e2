"""A cancelled job ends cancelled or completed, and its cost is right in both cases."""

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
from shared.domain.outcomes import PollFailed, Succeeded, Unknown, Working
from shared.domain.structs import replace
from tests.domain.examples import (
    NOON,
    SECOND,
    a_job,
    a_new_job,
    answered,
    completed,
    running,
)
from tests.fakes.interpose import after_next
from tests.usecases.harness import ANN, BOB, Harness


@pytest.mark.parametrize("waits", [0, 60])
def test_a_job_that_cost_nothing_ends_at_once(harness: Harness, waits: int) -> None:
    harness.jobs.put(replace(a_new_job(), wake_at=NOON + waits * SECOND))

    job = harness.cancel_video(ANN, "job1")

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == 0
    assert harness.queue.tasks == []


def test_a_running_job_is_cancelled_and_stays_paid(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Working()]

    assert not harness.cancel_video(ANN, "job1").is_final
    job = harness.run()

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == Decimal("0.40")
    assert [t.task_id for t in harness.providers[ProviderId.RUNWAY].cancelled] == [
        "task-runway"
    ]


def test_a_video_finished_before_the_cancel_is_delivered(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]

    harness.cancel_video(ANN, "job1")
    job = harness.run()

    assert job.delivered is not None
    assert harness.providers[ProviderId.RUNWAY].cancelled == []


VEO = ProviderId.VEO
LOST = answered(a_job(chain=(VEO,)), VEO, Unknown(detail="read timeout"))
UNPOLLED = running(a_job(chain=(VEO,)), VEO)


@pytest.mark.parametrize("job", [LOST, UNPOLLED], ids=["unknown", "polls fail"])
@pytest.mark.parametrize("is_there", [True, False], ids=["written", "not written"])
def test_a_cancelled_job_delivers_a_file_that_its_vendor_wrote(
    harness: Harness, job: Job, is_there: bool
) -> None:
    """It was paid for; but a job that may have no task doesn't wait for a file."""
    harness.jobs.put(job)
    harness.providers[VEO].polls = [PollFailed(detail="503")]
    if is_there:
        harness.bucket.objects[f"incoming/job1/{VEO}/sample_0.mp4"] = b"the paid mp4"

    assert not harness.cancel_video(ANN, "job1").is_final
    ended = harness.run()

    assert (ended.delivered is not None) is is_there
    assert ended.cost_usd == Decimal("3.20")
    assert job is UNPOLLED or is_there or ended.updated_at == job.updated_at


def test_a_second_cancel_changes_and_logs_nothing(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))

    with capture_logs() as lines:
        first, second = (harness.cancel_video(ANN, "job1") for _ in range(2))

    assert first == second
    assert [line["event"] for line in lines] == ["video_cancelled"]


def test_no_ended_job_and_no_other_users_is_cancelled(harness: Harness) -> None:
    job = harness.jobs.put(completed(a_job(), ProviderId.RUNWAY)).value

    with pytest.raises(Conflict) as caught:
        harness.cancel_video(ANN, "job1")
    assert caught.value.reason is ConflictReason.JOB_ENDED
    with pytest.raises(NotFound):
        harness.cancel_video(BOB, "job1")

    assert harness.job == job


def test_a_job_deleted_during_its_cancel_is_not_found(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    after_next(harness.jobs, "read", lambda: harness.jobs.remove("job1"))

    with capture_logs() as lines, pytest.raises(NotFound):
        harness.cancel_video(ANN, "job1")
    assert (lines, harness.queue.tasks) == ([], [])


def test_a_cancel_succeeds_even_if_the_queue_is_down(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.queue.failures = [Unreachable("down")]

    assert harness.cancel_video(ANN, "job1").cancel_requested_at is not None
