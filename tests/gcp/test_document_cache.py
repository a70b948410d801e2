"""Creating jobs from cached documents: fewer reads, and the same guarantees."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from google.cloud import firestore

from shared.domain.errors import CommitUncertain, ErrorCode, TooManyJobs
from shared.domain.job import Job
from shared.domain.ledger import Caps, Limits, ledger_key, nth_of
from shared.domain.structs import replace
from shared.gcp import document_cache
from shared.gcp.document_cache import AdvisoryLocks, DocumentCache
from shared.gcp.firestore_calls import Batch, Database
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import FirestoreUsage
from shared.gcp.firestore_wire import Snapshot
from tests.domain.examples import NOON, a_new_job
from tests.gcp.stores import Counting, create, end

ALL, ANNS = "all.2026-11", "user.ann.2026-11"
FOUR_CAPS = Limits(
    all_users=Caps(daily_usd=Decimal(100), monthly_usd=Decimal(100)),
    user=Caps(daily_usd=Decimal(100), monthly_usd=Decimal(100)),
    max_open_jobs=100,
    max_jobs_per_minute=100,
    shards=1,
)


def a_job(job_id: str, within: Limits, usd: str = "1.00") -> Job:
    key = ledger_key("ann", NOON, within, nth_of(job_id))
    return replace(a_new_job(job_id=job_id), hold_usd=Decimal(usd), ledger_key=key)


@pytest.mark.parametrize(
    ("recheck", "after"),
    [
        pytest.param({"d22": True, "d21": True}, {"d22": False, "d21": True}, id="one"),
        pytest.param(True, {"month": False}, id="of an earlier release"),
        pytest.param(False, False, id="not due"),
    ],
)
def test_after_a_commit_the_cache_equals_firestore(
    firestore_client: firestore.Client, recheck: object, after: object
) -> None:
    jobs = FirestoreJobs(Database(firestore_client), FOUR_CAPS)
    path = f"spend/{ANNS}"
    yesterday = {"held": 3, "settled": 2, "released": 1}
    there = {"days": {"d21": yesterday}, "borrowed": {"month": 0}, "recheck": recheck}
    firestore_client.document(path).set(there)

    for name in ("a", "b"):
        jobs.create(a_job(name, FOUR_CAPS))

        known = jobs._ledger._cache.guess(path)
        found = firestore_client.document(path).get().to_dict()
        assert known is not None
        assert found is not None
        assert known.record == found
        assert (found["days"]["d21"], found["recheck"]) == (yesterday, after)


def test_a_users_next_job_takes_no_read(firestore_client: firestore.Client) -> None:
    counting = Counting(firestore_client)
    jobs = FirestoreJobs(counting, FOUR_CAPS)
    jobs.create(a_job("a", FOUR_CAPS))
    read = counting.documents

    jobs.create(a_job("b", FOUR_CAPS))

    assert (read, counting.documents) == (5, 5)
    spend = FirestoreUsage(counting, 1).spend([ALL, ANNS])
    assert {a.month.used_usd for a in spend.values()} == {Decimal("2.00")}


def test_a_cap_holds_across_two_caches(firestore_client: firestore.Client) -> None:
    within = replace(FOUR_CAPS, user=Caps(daily_usd=Decimal("20.50")))
    processes = [FirestoreJobs(Database(firestore_client), within) for _ in range(2)]

    def send(nth: int) -> str:
        return create(processes[nth % 2], a_job(f"job{nth}", within))

    with ThreadPoolExecutor(12) as crowd:
        ends = list(crowd.map(send, range(30)))

    assert ends.count("created") == 20
    spend = FirestoreUsage(Database(firestore_client), 1).spend([ALL, ANNS])
    assert {a.month.used_usd for a in spend.values()} == {Decimal("20.00")}


def test_a_refusal_is_never_based_on_the_cache(database: Database) -> None:
    """Another process ended the user's job, which the cache still has as open."""
    within = replace(FOUR_CAPS, max_open_jobs=1)
    ours, theirs = (FirestoreJobs(database, within) for _ in range(2))
    ours.create(a_job("a", within))
    with pytest.raises(TooManyJobs):
        ours.create(a_job("b", within))

    end(theirs, "a", a_job("a", within).ended(ErrorCode.CANCELLED))

    ours.create(a_job("b", within))


class LosingAnswers(Database):
    """Every commit takes effect, but its answer is lost."""

    def batch(self) -> Batch:
        return _LosingAnswers(self._wire, self._limits)


class _LosingAnswers(Batch):
    def commit(self, *, may_resend: bool = True) -> Any:
        super().commit(may_resend=may_resend)
        raise CommitUncertain("no answer")


def test_no_uncertain_commit_is_cached_or_repeated(
    firestore_client: firestore.Client,
) -> None:
    losing = LosingAnswers(firestore_client)
    jobs = FirestoreJobs(losing, FOUR_CAPS)
    for job_id in ("a", "b"):
        with pytest.raises(CommitUncertain):
            jobs.create(a_job(job_id, FOUR_CAPS))
        assert jobs._ledger._cache.guess(f"spend/{ANNS}") is None

    spend = FirestoreUsage(losing, 1).spend([ANNS])[ANNS]
    assert spend.month.used_usd == Decimal("2.00")


class Together(Database):
    """Commits wait up to `seconds` for a second one; `most`: how many ran at a time."""

    def __init__(self, client: firestore.Client, seconds: float) -> None:
        super().__init__(client)
        self.both = threading.Barrier(2, timeout=seconds)
        self.running, self.most = 0, 0

    def batch(self) -> Batch:
        made = _Together(self._wire, self._limits)
        made.of = self
        return made


class _Together(Batch):
    of: Together

    def commit(self, *, may_resend: bool = True) -> Any:
        self.of.running += 1
        self.of.most = max(self.of.most, self.of.running)
        with suppress(threading.BrokenBarrierError):
            self.of.both.wait()
        self.of.running -= 1
        return super().commit(may_resend=may_resend)


@pytest.mark.parametrize(
    ("within", "users", "most"),
    [
        pytest.param(FOUR_CAPS, ("ann", "bob"), 1, id="one cap"),
        pytest.param(Limits(shards=1), ("ann", "ann"), 1, id="one user"),
        pytest.param(Limits(shards=1), ("ann", "bob"), 2, id="no cap"),
    ],
)
def test_only_creates_that_would_conflict_wait_for_each_other(
    firestore_client: firestore.Client,
    monkeypatch: pytest.MonkeyPatch,
    within: Limits,
    users: tuple[str, str],
    most: int,
) -> None:
    monkeypatch.setattr(document_cache, "MAX_WAIT_SECONDS", 100)
    database = Together(firestore_client, 0.2 if most == 1 else 10)
    jobs = FirestoreJobs(database, within)

    def send(nth: int) -> None:
        job = a_job(f"job{nth}", within)
        key = ledger_key(users[nth], NOON, within, nth_of(job.job_id))
        jobs.create(replace(job, user_id=users[nth], ledger_key=key))

    in_threads(2, send)

    assert database.most == most


# The cache


@dataclass
class Reference:
    path: str = "users/ann"


def seen(update_time: int, path: str = "users/ann") -> Snapshot:
    return Snapshot(Reference(path), {"open_jobs": update_time}, update_time)


def test_a_document_that_others_write_is_read_until_found_unchanged() -> None:
    cache = DocumentCache()
    cache.record_reads([seen(1)])
    cache.record_writes([seen(2)])
    assert cache.guess("users/ann") == seen(2)

    cache.invalidate(["users/ann"])
    cache.record_reads([seen(3)])  # another process wrote it
    cache.record_writes([seen(4)])
    assert cache.guess("users/ann") is None

    cache.record_reads([seen(4)])
    assert cache.guess("users/ann") == seen(4)


def test_only_the_latest_documents_are_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_cache, "MAX_CACHED", 2)
    cache = DocumentCache()

    cache.record_reads(seen(1, path) for path in "abc")

    assert [cache.guess(path) and path for path in "abc"] == [None, "b", "c"]


# The locks


def in_threads(count: int, work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(work, range(count)))


def test_a_lock_is_waited_for_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_cache, "MAX_WAIT_SECONDS", 0.01)
    locks = AdvisoryLocks()

    with locks.hold(["ann"]), locks.hold(["ann"]):
        pass

    assert not locks._locks


def test_a_second_lock_is_waited_for_only_in_what_is_left_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A creation takes two, and its answer comes within three seconds."""
    now, waits = [0.0], list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Busy:
        def acquire(self, timeout: float) -> bool:
            waits.append(timeout)
            now[0] += timeout
            return False

    locks = AdvisoryLocks()
    monkeypatch.setattr(locks, "_locks", {"ann": Busy(), "all": Busy()})

    with locks.hold(["ann", "all"]):
        pass

    assert waits == [document_cache.MAX_WAIT_SECONDS, 0]
