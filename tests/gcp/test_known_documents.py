"""Creations on a guess: they save reads, and promise what they promised without it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from google.cloud import firestore

from shared.domain.errors import (
    CommitUncertain,
    ErrorCode,
    LimitReached,
    LostRace,
    TooManyJobs,
)
from shared.domain.job import Job
from shared.domain.ledger import Caps, Limits, ledger_key, nth_of
from shared.domain.structs import replace
from shared.gcp import known_documents
from shared.gcp.firestore_calls import Batch, Database
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import FirestoreUsage
from shared.gcp.firestore_wire import Snapshot
from shared.gcp.known_documents import KnownDocuments, Turns
from tests.domain.examples import NOON, a_new_job
from tests.gcp.stores import Counting

ALL, ANNS = "all.2026-11", "user.ann.2026-11"
FOUR_CAPS = Limits(
    everybody=Caps(daily_usd=Decimal(100), monthly_usd=Decimal(100)),
    user=Caps(daily_usd=Decimal(100), monthly_usd=Decimal(100)),
    most_open_jobs=100,
    most_jobs_a_minute=100,
    shards=1,
)


def a_job(job_id: str, within: Limits, usd: str = "1.00") -> Job:
    key = ledger_key("ann", NOON, within, nth_of(job_id))
    return replace(a_new_job(job_id=job_id), hold_usd=Decimal(usd), ledger_key=key)


def end(jobs: FirestoreJobs, job_id: str) -> None:
    before = jobs.read(job_id)
    assert before is not None
    cancelled = before.value.ended(ErrorCode.CANCELLED)
    jobs.commit(before, replace(cancelled, version=2))


@pytest.mark.parametrize(
    ("recheck", "after"),
    [
        pytest.param({"d22": True, "d21": True}, {"d22": False, "d21": True}, id="one"),
        pytest.param(True, {"month": False}, id="of an earlier release"),
        pytest.param(False, False, id="not due"),
    ],
)
def test_what_is_known_after_a_commit_is_what_firestore_has(
    firestore_client: firestore.Client, recheck: object, after: object
) -> None:
    jobs = FirestoreJobs(Database(firestore_client), FOUR_CAPS)
    path = f"spend/{ANNS}"
    yesterday = {"held": 3, "settled": 2, "released": 1}
    there = {"days": {"d21": yesterday}, "borrowed": {"month": 0}, "recheck": recheck}
    firestore_client.document(path).set(there)

    for name in ("a", "b"):
        jobs.create(a_job(name, FOUR_CAPS))

        known = jobs._ledger._known.guess(path)
        found = firestore_client.document(path).get().to_dict()
        assert known is not None
        assert found is not None
        assert known.record == found
        assert (found["days"]["d21"], found["recheck"]) == (yesterday, after)


def test_the_next_job_of_a_user_is_one_commit_and_no_read(
    firestore_client: firestore.Client,
) -> None:
    counting = Counting(firestore_client)
    jobs = FirestoreJobs(counting, FOUR_CAPS)
    jobs.create(a_job("a", FOUR_CAPS))
    read = counting.documents

    jobs.create(a_job("b", FOUR_CAPS))

    assert (read, counting.documents) == (5, 5)
    spend = FirestoreUsage(counting, 1).spend([ALL, ANNS])
    assert {a.month.used_usd for a in spend.values()} == {Decimal("2.00")}


def test_two_processes_that_guess_hold_a_cap_to_the_cent(
    firestore_client: firestore.Client,
) -> None:
    within = replace(FOUR_CAPS, user=Caps(daily_usd=Decimal("20.50")))
    processes = [FirestoreJobs(Database(firestore_client), within) for _ in range(2)]

    def create(nth: int) -> str:
        while True:
            try:
                processes[nth % 2].create(a_job(f"job{nth}", within))
            except LostRace:
                continue
            except LimitReached:
                return "refused"
            return "taken"

    with ThreadPoolExecutor(12) as crowd:
        ends = list(crowd.map(create, range(30)))

    assert ends.count("taken") == 20
    spend = FirestoreUsage(Database(firestore_client), 1).spend([ALL, ANNS])
    assert {a.month.used_usd for a in spend.values()} == {Decimal("20.00")}


def test_a_refusal_is_decided_on_what_is_read(database: Database) -> None:
    """Another process ended the user's job: the guess has it open."""
    within = replace(FOUR_CAPS, most_open_jobs=1)
    ours, theirs = (FirestoreJobs(database, within) for _ in range(2))
    ours.create(a_job("a", within))
    with pytest.raises(TooManyJobs):
        ours.create(a_job("b", within))

    end(theirs, "a")

    ours.create(a_job("b", within))


class LosingAnswers(Database):
    """Every commit holds, and no answer to it comes."""

    def batch(self) -> Batch:
        return _LosingAnswers(self._wire, self._limits)


class _LosingAnswers(Batch):
    def commit(self, *, may_resend: bool = True) -> Any:
        super().commit(may_resend=may_resend)
        raise CommitUncertain("no answer")


def test_a_commit_without_an_answer_is_no_base_for_a_guess_and_is_not_repeated(
    firestore_client: firestore.Client,
) -> None:
    losing = LosingAnswers(firestore_client)
    jobs = FirestoreJobs(losing, FOUR_CAPS)
    for job_id in ("a", "b"):
        with pytest.raises(CommitUncertain):
            jobs.create(a_job(job_id, FOUR_CAPS))

    spend = FirestoreUsage(losing, 1).spend([ANNS])[ANNS]
    assert spend.month.used_usd == Decimal("2.00")


# The memory


@dataclass
class Reference:
    path: str = "users/ann"


def seen(update_time: int, path: str = "users/ann") -> Snapshot:
    return Snapshot(Reference(path), {"open_jobs": update_time}, update_time)


def test_what_others_write_too_is_read_until_it_is_found_unchanged() -> None:
    known = KnownDocuments()
    known.read([seen(1)])
    known.written([seen(2)])
    assert known.guess("users/ann") == seen(2)

    known.doubt(["users/ann"])
    known.read([seen(3)])  # another process wrote it
    known.written([seen(4)])
    assert known.guess("users/ann") is None

    known.read([seen(4)])
    assert known.guess("users/ann") == seen(4)


def test_only_so_many_documents_are_kept_the_latest_ones() -> None:
    known = KnownDocuments(most=2)

    known.read(seen(1, path) for path in "abc")

    assert [known.guess(path) and path for path in "abc"] == [None, "b", "c"]


# Turns


def in_threads(count: int, work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(work, range(count)))


def test_rivals_go_one_by_one_and_others_side_by_side() -> None:
    turns, inside, most = Turns(), [0], []
    both = threading.Barrier(2, timeout=10)

    def rival(_: int) -> None:
        with turns.take(["ann", "all.0"]):
            inside[0] += 1
            most.append(inside[0])
            inside[0] -= 1

    def stranger(nth: int) -> None:
        with turns.take([f"user{nth}"]):
            both.wait()

    in_threads(8, rival)
    in_threads(2, stranger)

    assert most == [1] * 8
    assert not turns._locks


def test_nobody_waits_for_a_turn_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_documents, "LONGEST_TURN_SECONDS", 0.01)
    turns = Turns()

    with turns.take(["ann"]), turns.take(["ann"]):
        pass

    assert not turns._locks
