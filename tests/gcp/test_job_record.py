"""A job as a document, and back."""

from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import Job
from shared.domain.outcomes import CancelRequested, Rejected, Unknown
from shared.domain.transitions import apply
from shared.gcp.firestore_records import to_record
from shared.gcp.job_record import job_of
from tests.domain.examples import (
    FAULT,
    NOON,
    a_job,
    a_new_job,
    answered,
    completed,
    running,
    started,
    storing,
)

JOBS = {
    "new": a_new_job(audio=True, seed=7, resolution="1080p"),
    "starting": started(a_job(), ProviderId.RUNWAY),
    "running": running(a_job(), ProviderId.RUNWAY),
    "cancelled": apply(running(a_job(), ProviderId.RUNWAY), CancelRequested(), NOON),
    "storing": storing(a_job(), ProviderId.RUNWAY),
    "unknown": answered(a_job(), ProviderId.RUNWAY, Unknown(detail="lost")),
    "asked again": answered(
        a_job(chain=(ProviderId.VEO,)),
        ProviderId.VEO,
        Rejected(problem=FAULT, ask_again=True, retry_after_seconds=2.5),
    ),
    "completed": completed(a_job(), ProviderId.RUNWAY),
    "failed": a_job().ended(ErrorCode.CANCELLED, "why"),
}


@pytest.mark.parametrize("job", JOBS.values(), ids=list(JOBS))
def test_a_job_comes_back_as_it_was(job: Job) -> None:
    assert job_of(to_record(job)) == job


def test_money_is_kept_as_a_string_to_the_last_digit() -> None:
    job = running(a_job(), ProviderId.RUNWAY)
    cent = replace(job.attempts[0], cost_usd=Decimal("0.10"))

    record = to_record(replace(job, attempts=(cent,)))

    assert record["attempts"][0]["cost_usd"] == "0.10"


def test_firestores_own_times_come_back_as_plain_ones_in_utc() -> None:
    seoul = timezone(timedelta(hours=9))
    stamp = DatetimeWithNanoseconds(  # Google's
        2026, 11, 22, 21, 0, tzinfo=seoul
    )

    job = job_of(to_record(a_job()) | {"wake_at": stamp})

    assert job.wake_at == NOON
    assert type(job.wake_at) is type(NOON)
    assert job.wake_at is not None and job.wake_at.utcoffset() == timedelta(0)
