"""The contract of usage and spend, on the emulator and on the fake."""

from datetime import timedelta
from decimal import Decimal

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import LostRace
from shared.domain.job import Job
from shared.domain.ledger import SHARDS, Account, Limits, ledger_key
from shared.domain.outcomes import Unknown
from shared.domain.structs import replace
from shared.domain.usage import NO_PROVIDER, Counts, UsageMonth
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import FirestoreUsage
from shared.ports.store import Jobs, UsageStore
from tests.domain.examples import NOON, a_job, a_new_job, answered, completed
from tests.fakes.jobs import FakeJobs
from tests.fakes.usage import FakeUsage
from tests.gcp.stores import end, read

ALL, ANNS = "all.2026-11", "user.ann.2026-11"
DAY = "d22"
NINE_DAYS = timedelta(days=9)
ONE_VIDEO = Counts(
    jobs=1,
    completed=1,
    milliseconds=8000,
    cost_usd=Decimal("0.40"),
    attempts=1,
    made_in={0: 1},
)
Stores = tuple[Jobs, UsageStore]


@pytest.fixture(params=["emulator", "fake"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "fake":
        fake = FakeJobs()
        return fake, FakeUsage(jobs=fake)
    client: firestore.Client = request.getfixturevalue("firestore_client")
    return FirestoreJobs(Database(client)), FirestoreUsage(Database(client), SHARDS)


def finish(jobs: Jobs, job: Job, done: Job) -> None:
    jobs.create(job)
    end(jobs, job.job_id, done)


def test_an_ended_job_is_counted_globally_and_for_its_user(stores: Stores) -> None:
    jobs, usage = stores

    for job_id in ("a", "b"):
        job = a_new_job(job_id=job_id, duration=8)
        finish(
            jobs, job, completed(a_job(job_id=job_id, duration=8), ProviderId.RUNWAY)
        )

    both = UsageMonth(days={DAY: {"runway": ONE_VIDEO + ONE_VIDEO}})
    assert usage.usage((ALL, ANNS)) == {ALL: both, ANNS: both}


def test_models_with_dots_in_their_names_are_counted_separately(stores: Stores) -> None:
    jobs, usage = stores
    job = a_job(duration=8, chain=(ProviderId.RUNWAY, ProviderId.VEO))
    unknown = answered(job, ProviderId.RUNWAY, Unknown(detail="no answer"))

    finish(jobs, a_new_job(duration=8), completed(unknown, ProviderId.VEO))

    assert usage.usage((ANNS,))[ANNS].days[DAY] == {
        "runway": Counts(cost_usd=Decimal("0.40"), attempts=1),
        "gemini-veo-3.1": replace(ONE_VIDEO, cost_usd=Decimal("3.20")),
    }


def test_a_job_counts_on_the_day_of_its_creation(stores: Stores) -> None:
    jobs, usage = stores
    done = completed(a_job(duration=8), ProviderId.RUNWAY)

    finish(jobs, a_new_job(duration=8), replace(done, updated_at=NOON + NINE_DAYS))

    assert set(usage.usage((ANNS,))[ANNS].days) == {DAY}


def test_an_end_that_lost_its_race_is_not_counted(stores: Stores) -> None:
    jobs, usage = stores
    job = a_new_job(duration=8)
    jobs.create(job)
    before = read(jobs, "job1")
    done = replace(completed(a_job(duration=8), ProviderId.RUNWAY), version=2)

    jobs.commit(before, done)
    with pytest.raises(LostRace):
        jobs.commit(before, done)

    assert usage.usage((ANNS,))[ANNS].days == {DAY: {"runway": ONE_VIDEO}}


def test_an_abandoned_job_counts_for_no_provider(stores: Stores) -> None:
    jobs, usage = stores
    jobs.create(a_new_job(duration=8))

    jobs.abandon("job1", 1, NOON)

    spent = Counts(jobs=1, failed=1, cost_usd=Decimal("0.40"))
    assert usage.usage((ALL,))[ALL].days == {DAY: {NO_PROVIDER: spent}}


def test_usage_is_empty_if_nothing_was_written(stores: Stores) -> None:
    _, usage = stores

    assert usage.usage((ALL, ANNS)) == {ALL: UsageMonth(), ANNS: UsageMonth()}
    assert usage.spend((ALL, ANNS)) == {ALL: Account(), ANNS: Account()}
    assert (usage.usage(()), usage.spend(())) == ({}, {})


def test_users_with_any_id_have_their_own_usage(stores: Stores) -> None:
    jobs, usage = stores
    key = ledger_key("a/b.c", NOON, Limits())
    job = replace(a_new_job(duration=8), user_id="a/b.c", ledger_key=key)
    done = completed(a_job(duration=8), ProviderId.RUNWAY)

    finish(jobs, job, replace(done, user_id="a/b.c", ledger_key=key))

    own = key.accounts[1]
    assert usage.usage((own, ANNS))[own].days == {DAY: {"runway": ONE_VIDEO}}
    assert usage.usage((own, ANNS))[ANNS] == UsageMonth()
