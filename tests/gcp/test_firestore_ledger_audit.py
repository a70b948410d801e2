"""Reading the ledger and the open jobs as of one moment, on the emulator."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.ledger import SHARDS, Caps, Limits, documents_of
from shared.domain.ledger_snapshot import LedgerSnapshot
from shared.domain.structs import replace
from shared.gcp import firestore_reports
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import LedgerAuditReader
from shared.worker.ledger_audit import READ_LAG
from tests.domain.examples import NOON, a_job, a_new_job, completed
from tests.gcp.stores import end, read

ALL, ANNS = "all.2026-11", "user.ann.2026-11"
TODAY = date(2026, 11, 22)
JOB1S = a_new_job().ledger_key.documents[0]
CAPPED = Limits(all_users=Caps(daily_usd=Decimal(99)))


def ended(jobs: FirestoreJobs, job_id: str) -> None:
    done = completed(a_job(job_id=job_id, duration=8), ProviderId.RUNWAY)
    end(jobs, job_id, done)


def work(jobs: FirestoreJobs) -> None:
    """Create four jobs: one ends, one is abandoned, one raises its hold."""
    for job_id in "abcd":
        jobs.create(a_new_job(job_id=job_id, duration=8))
    ended(jobs, "a")
    jobs.abandon("b", 1, NOON)
    raised = read(jobs, "c")
    more = replace(raised.value, hold_usd=Decimal("4.0000001"), version=2)
    jobs.commit(raised, more)


@pytest.fixture
def read_now(database: Database) -> Callable[[], LedgerSnapshot]:
    def read() -> LedgerSnapshot:
        found = LedgerAuditReader(database, SHARDS).read(datetime.now(UTC), [TODAY])
        assert found is not None
        return found

    return read


@pytest.mark.parametrize(
    "limits",
    [pytest.param(Limits(), id="no cap"), pytest.param(CAPPED, id="with a cap")],
)
def test_after_jobs_of_all_kinds_the_ledger_balances(
    database: Database, read_now: Callable[[], LedgerSnapshot], limits: Limits
) -> None:
    work(FirestoreJobs(database, limits))

    ledger = read_now()

    assert len(ledger.jobs) == ledger.open_jobs["ann"] == 2
    shared = (ledger.documents[name] for name in documents_of(ALL, SHARDS))
    assert sum(each.month.open_usd for each in shared) == Decimal("4.40")
    assert (
        ledger.document_differences,
        ledger.loan_differences,
        ledger.user_differences,
    ) == ({}, {}, {})


def test_an_account_that_was_tampered_with_is_off(
    firestore_client: firestore.Client,
    database: Database,
    read_now: Callable[[], LedgerSnapshot],
) -> None:
    work(FirestoreJobs(database))
    spend = firestore_client.collection("spend").document(ANNS)

    spend.update({"days.d22.settled": firestore.Increment(-250_000)})

    assert read_now().document_differences == {ANNS: Decimal("0.25")}


def test_the_global_account_is_checked_even_without_open_jobs(
    firestore_client: firestore.Client, read_now: Callable[[], LedgerSnapshot]
) -> None:
    spend = firestore_client.collection("spend").document(JOB1S)

    spend.set({"days": {"d03": {"held": 1}}})

    assert read_now().document_differences == {JOB1S: Decimal("0.000001")}


def test_a_count_of_open_jobs_without_a_job_is_off(
    firestore_client: firestore.Client, read_now: Callable[[], LedgerSnapshot]
) -> None:
    users = firestore_client.collection("users")
    users.document("a%2Fb").set({"open_jobs": 1})
    users.document("bob").set({"open_jobs": 0})

    assert read_now().user_differences == {"a/b": 1}


def test_a_job_that_was_deleted_by_hand_is_missed_wherever_it_was_counted(
    firestore_client: firestore.Client,
    database: Database,
    read_now: Callable[[], LedgerSnapshot],
) -> None:
    """Each is then corrected as the runbook says."""
    FirestoreJobs(database).create(a_new_job(duration=8))
    shown = firestore_client.collection("videos").document("job1")
    shown.collection("internal").document("run").delete()

    ledger = read_now()

    assert ledger.document_differences == dict.fromkeys((JOB1S, ANNS), Decimal("0.40"))
    assert ledger.user_differences == {"ann": 1}
    for document in (JOB1S, ANNS):
        spend = firestore_client.collection("spend").document(document)
        spend.update({"days.d22.held": firestore.Increment(-400_000)})
    users = firestore_client.collection("users")
    users.document("ann").update({"open_jobs": firestore.Increment(-1)})
    corrected = read_now()
    assert (corrected.document_differences, corrected.user_differences) == ({}, {})


def test_the_hold_of_an_unreadable_record_is_off(
    firestore_client: firestore.Client,
    database: Database,
    read_now: Callable[[], LedgerSnapshot],
) -> None:
    FirestoreJobs(database).create(a_new_job(duration=8))
    shown = firestore_client.collection("videos").document("job1")

    shown.collection("internal").document("run").update({"hold_usd": None})

    off = read_now().document_differences
    assert off == dict.fromkeys((JOB1S, ANNS), Decimal("0.40"))
    assert read_now().user_differences == {"ann": 1}


def test_the_ledger_is_read_as_of_one_moment(database: Database) -> None:
    jobs = FirestoreJobs(database)
    jobs.create(a_new_job(duration=8))
    moment = datetime.now(UTC)
    ended(jobs, "job1")

    then = LedgerAuditReader(database, SHARDS).read(moment, [TODAY])

    assert then and len(then.jobs) == then.open_jobs["ann"] == 1
    assert then.documents[ANNS].month.open_usd == Decimal("0.40")
    assert (then.document_differences, then.user_differences) == ({}, {})


@pytest.mark.parametrize(("most", "is_read"), [(1, False), (2, True)])
def test_with_too_many_open_jobs_the_ledger_is_not_checked(
    database: Database, monkeypatch: pytest.MonkeyPatch, most: int, is_read: bool
) -> None:
    monkeypatch.setattr(firestore_reports, "MAX_OPEN_JOBS", most)
    jobs = FirestoreJobs(database)
    for job_id in ("a", "b"):
        jobs.create(a_new_job(job_id=job_id))

    found = LedgerAuditReader(database, SHARDS).read(datetime.now(UTC), [TODAY])

    assert (found is not None) is is_read


def test_a_moment_that_the_store_refuses_is_unreachable(database: Database) -> None:
    future = datetime.now(UTC) + READ_LAG

    with pytest.raises(Unreachable):
        LedgerAuditReader(database, SHARDS).read(future, [TODAY])
