"""A cap refuses only what can't be paid, and never costs a job what was paid for."""

from decimal import Decimal

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Job, Language
from shared.domain.ledger import Caps, Limits
from shared.domain.outcomes import Accepted, Failed, Rejected, Succeeded, Unknown
from shared.ports.identity import Caller
from tests.domain.examples import CHAIN, OMNI, RUNWAY, VEO, a_request, states
from tests.fakes.jobs import FakeJobs
from tests.usecases.harness import Harness, create_video

LOST = Unknown(detail="read timeout")
REFUSED = Rejected(problem=Problem(code=ErrorCode.INPUT_NOT_ACCEPTED))
FILTERED = Failed(problem=Problem(code=ErrorCode.OUTPUT_FILTERED))


def capped(daily_usd: str) -> Harness:
    limits = Limits(user=Caps(daily_usd=Decimal(daily_usd)))
    return Harness(jobs=FakeJobs(limits))


def take(harness: Harness, *chain: ProviderId) -> str:
    create = create_video(harness, chain=chain or CHAIN)
    return create(Caller(user_id="ann"), a_request(), Language.ENGLISH).job.job_id


def finish(harness: Harness, job_id: str) -> Job:
    harness.finish()
    return harness.jobs.get(job_id).value


def spent(harness: Harness) -> Decimal:
    """Also: nothing of what was held is left open."""
    held, settled = harness.booked
    assert held == 0
    return settled


def test_a_provider_that_does_not_fit_is_skipped_and_a_cheaper_one_asked() -> None:
    harness = capped("3.50")
    harness.providers[RUNWAY].polls = [FILTERED]
    harness.providers[OMNI].polls = [Succeeded()]

    job = finish(harness, take(harness))

    assert states(job) == [
        ("runway", "failed"),
        ("runway-http", "skipped"),
        ("gemini-veo-3.1", "skipped"),
        ("gemini-omni-flash", "succeeded"),
    ]
    veo = job.attempts[2].problem
    assert veo and veo.code is ErrorCode.DAILY_LIMIT_REACHED
    assert spent(harness) == Decimal("1.20")


def test_the_limit_is_the_jobs_error_if_nothing_cheaper_is_left() -> None:
    harness = capped("3.50")
    harness.providers[RUNWAY].polls = [FILTERED]

    job = finish(harness, take(harness, RUNWAY, VEO))

    assert job.problem == Problem(code=ErrorCode.DAILY_LIMIT_REACHED)
    assert harness.providers[VEO].starts == 0
    assert spent(harness) == Decimal("0.40")


@pytest.mark.parametrize("cap", ["3.50", "9.00"], ids=["Omni doesn't fit", "it fits"])
def test_a_paid_file_is_delivered_although_the_next_provider_does_not_fit(
    cap: str,
) -> None:
    """Veo's answer got lost, and its file was written: 3.20 that must not be wasted."""
    harness = capped(cap)
    veo = harness.providers[VEO]
    veo.submissions = [LOST]
    harness.providers[OMNI].submissions = [REFUSED]

    def write() -> None:
        folder = veo.requests[-1].output_uri.removeprefix("gs://bucket/")
        harness.bucket.objects[f"{folder}sample_0.mp4"] = b"the paid mp4"

    veo.during_start = write

    job = finish(harness, take(harness, VEO, OMNI))

    assert job.delivered and spent(harness) == Decimal("3.20")


def test_jobs_at_once_never_hold_more_than_the_cap_for_what_they_begin() -> None:
    """Each fails at Runway, and wants to raise its hold for Omni."""
    harness = capped("3.00")
    harness.providers[RUNWAY].submissions = [Accepted(task_id="t")]
    harness.providers[RUNWAY].polls = [FILTERED]
    harness.providers[OMNI].polls = [Succeeded()]

    jobs = [take(harness, RUNWAY, OMNI) for _ in range(5)]
    ended = [finish(harness, job_id) for job_id in jobs]

    assert [job.delivered is not None for job in ended].count(True) == 1
    assert spent(harness) == Decimal("2.80")
