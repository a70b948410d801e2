"""Jobs as Firestore documents, including those of earlier releases."""

from collections.abc import Iterator
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from msgspec import Struct
from msgspec.structs import fields

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem, WrittenLater
from shared.domain.job import OPEN_STATES, Attempt, AttemptState, Job, PlannedProvider
from shared.domain.outcomes import Delivered, PreparedImage, Succeeded, Working
from shared.domain.prompt_translation import PromptTranslation
from shared.domain.request import VideoRequest
from shared.domain.structs import replace
from shared.domain.webhook import Webhook
from shared.gcp.firestore_records import Record, to_record
from shared.gcp.job_record import RECORD_VERSION, job_of, record_of
from tests.domain.examples import NOON, a_job, running
from tests.gcp.kept_records import JOBS, kept
from tests.usecases.harness import Harness


@pytest.mark.parametrize("job", JOBS.values(), ids=list(JOBS))
def test_a_job_survives_the_round_trip_to_a_record(job: Job) -> None:
    assert job_of(record_of(job)) == job


# Including the records of this code, which the next release keeps.
RECORDS = {**kept(), **{f"now {name}": record_of(job) for name, job in JOBS.items()}}
# The error code by the end of the record's name; any other job completes.
FAILS_WITH = {
    "failed": ErrorCode.CANCELLED,
    "cancelling": ErrorCode.CANCELLED,
    "cancelling in vain": ErrorCode.CANCELLED,
    "written off": ErrorCode.PROVIDER_ERROR,
    "image refused": ErrorCode.IMAGE_INVALID,
}


@pytest.mark.parametrize(("name", "record"), RECORDS.items(), ids=list(RECORDS))
def test_a_job_of_an_earlier_release_is_read_and_ends_with_its_cost_booked(
    name: str, record: Record, harness: Harness
) -> None:
    job = job_of(record)
    harness.bucket.objects["uploads/ann/2"] = b"a dog"
    code = FAILS_WITH.get(name.partition(" ")[2])
    for provider in harness.providers.values():
        # A task that has succeeded by the time it would be cancelled is stored instead.
        provider.polls = [Working() if code is ErrorCode.CANCELLED else Succeeded()]
    harness.jobs.create(job)

    ended = harness.run()

    assert (ended.problem and ended.problem.code) is code
    assert job.is_final or harness.booked == (Decimal(0), ended.cost_usd)


def test_the_kept_records_cover_each_state() -> None:
    found = [job_of(record) for record in kept().values()]

    states = {attempt.state for job in found for attempt in job.attempts}
    assert states >= {*OPEN_STATES, AttemptState.UNKNOWN, AttemptState.SUCCEEDED}


def used_fields(value: object) -> Iterator[tuple[str, str]]:
    """Class and name of each field, at any depth, whose value isn't the default."""
    if isinstance(value, tuple):
        for item in value:
            yield from used_fields(item)
    if isinstance(value, Struct):
        for each in fields(value):
            inner = getattr(value, each.name)
            yield from used_fields(inner)
            if inner != each.default:
                yield type(value).__name__, each.name


def test_the_records_to_keep_use_every_field() -> None:
    used = {pair for job in JOBS.values() for pair in used_fields(job)}
    kinds: set[type[Struct]]
    kinds = {Job, Attempt, PlannedProvider, VideoRequest, PreparedImage, Delivered}
    kinds |= {Problem, PromptTranslation, Webhook}

    left_out = {(kind.__name__, f.name) for kind in kinds for f in fields(kind)} - used
    assert left_out == set()


def test_a_record_of_a_later_release_is_not_read() -> None:
    with pytest.raises(WrittenLater, match="job1 was written by a later release"):
        job_of(record_of(a_job()) | {"record_version": RECORD_VERSION + 1})


def test_a_field_that_this_release_does_not_know_is_ignored() -> None:
    """After a roll-back, unless the later release has another record version."""
    job = running(a_job(), ProviderId.RUNWAY)
    record = to_record(job)
    record["attempts"][0]["of_a_later_release"] = "x"

    assert job_of(record) == job


def test_money_is_stored_as_a_string_with_every_digit() -> None:
    job = running(a_job(), ProviderId.RUNWAY)
    cent = replace(job.attempts[0], cost_usd=Decimal("0.10"))

    record = to_record(replace(job, attempts=(cent,)))

    assert record["attempts"][0]["cost_usd"] == "0.10"


def test_firestores_times_become_plain_datetimes_in_utc() -> None:
    seoul = timezone(timedelta(hours=9))
    stamp = DatetimeWithNanoseconds(  # Google's
        2026, 11, 22, 21, 0, tzinfo=seoul
    )

    job = job_of(to_record(a_job()) | {"wake_at": stamp})

    assert job.wake_at == NOON
    assert type(job.wake_at) is type(NOON)
    assert job.wake_at is not None and job.wake_at.utcoffset() == timedelta(0)
