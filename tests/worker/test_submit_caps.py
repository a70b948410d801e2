"""Caps skip providers that don't fit, and never lose a video that is paid for."""

from decimal import Decimal

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Job, Language
from shared.domain.ledger import Caps, Limits
from shared.domain.outcomes import Accepted, Failed, Succeeded, Unknown
from shared.domain.structs import replace
from tests.domain.examples import CHAIN, OMNI, RUNWAY, VEO, a_request, rejected, states
from tests.fakes.jobs import FakeJobs
from tests.usecases.harness import ANN, Harness

LOST = Unknown(detail="read timeout")
REFUSED = rejected(ErrorCode.INPUT_NOT_ACCEPTED)
FILTERED = Failed(problem=Problem(code=ErrorCode.OUTPUT_FILTERED))


def capped(daily_usd: str) -> Harness:
    limits = Limits(user=Caps(daily_usd=Decimal(daily_usd)))
    return Harness(jobs=FakeJobs(limits))


def create(harness: Harness, *chain: ProviderId) -> str:
    create_video = replace(harness.create_video, chain=chain or CHAIN)
    return create_video(ANN, a_request(), Language.ENGLISH).job.job_id


def finish(harness: Harness, job_id: str) -> Job:
    harness.finish()
    return harness.jobs.get(job_id).value


def spent(harness: Harness) -> Decimal:
    """The amount settled, once no hold is left open."""
    held, settled = harness.booked
    assert held == 0
    return settled


def test_a_provider_that_exceeds_a_cap_is_skipped_for_a_cheaper_one() -> None:
    harness = capped("3.50")
    harness.providers[RUNWAY].polls = [FILTERED]
    harness.providers[OMNI].polls = [Succeeded()]

    job = finish(harness, create(harness))

    assert states(job) == [
        ("runway", "failed"),
        ("runway-http", "skipped"),
        ("gemini-veo-3.1", "skipped"),
        ("gemini-omni-flash", "succeeded"),
    ]
    veo = job.attempts[2].problem
    assert veo and veo.code is ErrorCode.DAILY_LIMIT_REACHED
    assert spent(harness) == Decimal("1.20")


@pytest.mark.parametrize("cap", ["3.50", "9.00"], ids=["Omni doesn't fit", "it fits"])
def test_a_paid_file_is_delivered_even_if_the_next_provider_exceeds_the_cap(
    cap: str,
) -> None:
    """Veo's answer was lost, but its file was written, for 3.20 USD."""
    harness = capped(cap)
    veo = harness.providers[VEO]
    veo.submissions = [LOST]
    harness.providers[OMNI].submissions = [REFUSED]

    def write() -> None:
        folder = veo.requests[-1].output_uri.removeprefix("gs://bucket/")
        harness.bucket.objects[f"{folder}sample_0.mp4"] = b"the paid mp4"

    veo.during_start = write

    job = finish(harness, create(harness, VEO, OMNI))

    assert job.delivered and spent(harness) == Decimal("3.20")


def test_concurrent_jobs_together_stay_within_the_cap() -> None:
    """Each job fails at Runway and needs a higher hold for Omni."""
    harness = capped("3.00")
    harness.providers[RUNWAY].submissions = [Accepted(task_id="t")]
    harness.providers[RUNWAY].polls = [FILTERED]
    harness.providers[OMNI].polls = [Succeeded()]

    jobs = [create(harness, RUNWAY, OMNI) for _ in range(5)]
    ended = [finish(harness, job_id) for job_id in jobs]

    assert [job.delivered is not None for job in ended].count(True) == 1
    assert spent(harness) == Decimal("2.80")
