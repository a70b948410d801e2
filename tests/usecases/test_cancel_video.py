"""A cancel ends in one of two ways, and the money is right in both."""

from datetime import timedelta
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    Conflict,
    ConflictReason,
    ErrorCode,
    NotFound,
    TooManyJobs,
    Unreachable,
)
from shared.domain.job import Language
from shared.domain.ledger import Limits
from shared.domain.outcomes import Succeeded, Unknown, Working
from tests.domain.examples import (
    a_job,
    a_new_job,
    a_request,
    answered,
    completed,
    running,
)
from tests.fakes.jobs import FakeJobs
from tests.usecases.harness import ANN, BOB, Harness, create_video


def test_what_costs_nothing_yet_ends_at_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    job = harness.cancel_video(ANN, "job1")

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == 0
    assert harness.queue.tasks == []


@pytest.mark.parametrize("image_url", [None, "https://example.com/cat.jpg"])
def test_so_many_jobs_an_hour_may_be_cancelled_at_no_cost(
    image_url: str | None,
) -> None:
    jobs = FakeJobs(Limits(most_unprepared_an_hour=2))
    harness = Harness(jobs=jobs)
    request = a_request(image_url=image_url)
    for _ in range(2):
        ticket = create_video(harness)(ANN, request, Language.ENGLISH)
        harness.cancel_video(ANN, ticket.job.job_id)

    with pytest.raises(TooManyJobs):
        create_video(harness)(ANN, request, Language.ENGLISH)
    harness.clock.move(timedelta(hours=1))
    create_video(harness)(ANN, request, Language.ENGLISH)


def test_a_running_job_is_cancelled_and_keeps_its_price_as_spent(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Working()]

    assert not harness.cancel_video(ANN, "job1").is_final
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

    harness.cancel_video(ANN, "job1")
    job = harness.run()

    assert job.delivered is not None
    assert harness.providers[ProviderId.RUNWAY].cancelled == []


@pytest.mark.parametrize("is_there", [True, False], ids=["written", "not written"])
def test_a_file_that_an_unanswered_veo_wrote_is_delivered_although_cancelled(
    harness: Harness, is_there: bool
) -> None:
    """It was paid for; but nothing is waited for."""
    veo = ProviderId.VEO
    job = answered(a_job(chain=(veo,)), veo, Unknown(detail="read timeout"))
    harness.jobs.put(job)
    if is_there:
        harness.bucket.objects[f"incoming/job1/{veo}/sample_0.mp4"] = b"the paid mp4"

    assert not harness.cancel_video(ANN, "job1").is_final
    ended = harness.run()

    assert (ended.delivered is not None) is is_there
    assert ended.cost_usd == Decimal("3.20")
    assert is_there or ended.updated_at == job.updated_at


def test_a_second_cancel_changes_and_records_nothing(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))

    with capture_logs() as lines:
        first, second = (harness.cancel_video(ANN, "job1") for _ in range(2))

    assert first == second
    assert [line["event"] for line in lines] == ["video_cancelled"]


def test_neither_an_ended_job_nor_another_users_is_cancelled(harness: Harness) -> None:
    job = harness.jobs.put(completed(a_job(), ProviderId.RUNWAY)).value

    with pytest.raises(Conflict) as caught:
        harness.cancel_video(ANN, "job1")
    assert caught.value.reason is ConflictReason.JOB_ENDED
    with pytest.raises(NotFound):
        harness.cancel_video(BOB, "job1")

    assert harness.job == job


def test_with_the_queue_down_the_sweep_goes_on(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.queue.failures = [Unreachable("down")]

    assert harness.cancel_video(ANN, "job1").cancel_requested_at is not None
