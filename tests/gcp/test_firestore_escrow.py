"""A global cap divided among shards: exact, without a single contended document."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import LimitReached, LostRace, TooManyJobs
from shared.domain.job import Job
from shared.domain.ledger import Account, Caps, LedgerKey, Limits, ledger_key, nth_of
from shared.domain.outcomes import Succeeded, Unknown
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_caps import FULL_CHECK_INTERVAL, FirestoreCaps
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import FirestoreUsage, LedgerAuditReader
from shared.worker.ledger_audit import READ_LAG, LedgerAudit
from tests.domain.examples import (
    NOON,
    a_job,
    answered,
    completed,
    polled,
    running,
    started,
)
from tests.fakes.clock import FrozenClock
from tests.fakes.interpose import after_next
from tests.gcp.stores import Counting, create, read

ALL = "all.2026-11"
SHARDS = 4
_numbers = count()
USERS = 50


def limits(cap: str, *, shards: int = SHARDS, monthly: str | None = None) -> Limits:
    month = None if monthly is None else Decimal(monthly)
    caps = Caps(daily_usd=Decimal(cap), monthly_usd=month)
    return Limits(all_users=caps, max_jobs_per_minute=10**6, shards=shards)


def new(job_id: str, within: Limits, usd: str = "0.40", **how: object) -> Job:
    """A job of one of the users, in the shard that its ID determines."""
    user = f"u{sum(job_id.encode()) % USERS}"
    key = ledger_key(user, NOON, within, nth_of(job_id))
    job = a_job(job_id=job_id, **how)
    return replace(job, user_id=user, hold_usd=Decimal(usd), ledger_key=key)


def in_shard(shard: int, within: Limits, usd: str = "0.40") -> Job:
    """A new job that belongs to this shard."""
    ids = (f"job{next(_numbers)}" for _ in count())
    jobs = (new(job_id, within, usd) for job_id in ids)
    return next(job for job in jobs if job.ledger_key.shard == shard)


def ended(job: Job) -> Job:
    done = completed(a_job(job_id=job.job_id), ProviderId.RUNWAY)
    return replace(done, user_id=job.user_id, ledger_key=job.ledger_key)


def commit(jobs: FirestoreJobs, job_id: str, after: Job) -> None:
    while True:
        before = read(jobs, job_id)
        version = before.value.version + 1
        try:
            jobs.commit(before, replace(after, version=version))
        except LostRace:
            continue
        return


def spend(database: Database, shards: int = SHARDS) -> Account:
    return FirestoreUsage(database, shards).spend([ALL])[ALL]


def imbalances(database: Database, shards: int = SHARDS) -> int:
    """How many imbalances the ledger's audit finds now."""
    reader = LedgerAuditReader(database, shards)
    clock = FrozenClock(datetime.now(UTC) + READ_LAG)
    return LedgerAudit(
        read=lambda at, _: reader.read(at, [NOON.date()]), clock=clock, zone=UTC
    )()


@pytest.mark.parametrize(
    ("shards", "monthly"), [(1, None), (3, "4.80"), (10, None), (10, "4.80")]
)
def test_40_threads_under_a_cap_for_12_create_12_to_the_cent(
    database: Database, shards: int, monthly: str | None
) -> None:
    within = limits("4.99", shards=shards, monthly=monthly)
    jobs = FirestoreJobs(database, within)

    with ThreadPoolExecutor(40) as crowd:
        ends = list(
            crowd.map(lambda n: create(jobs, new(f"job{n}", within)), range(40))
        )

    assert (ends.count("created"), ends.count("refused")) == (12, 28)
    assert spend(database, shards).month.used_usd == Decimal("4.80")
    assert imbalances(database, shards) == 0


def test_the_released_rest_of_a_hold_is_room_again(database: Database) -> None:
    within = limits("4.00")
    jobs = FirestoreJobs(database, within)
    for n in range(4):
        jobs.create(new(f"job{n}", within, "1.00"))
    done = replace(ended(new("job2", within)), hold_usd=Decimal(1))
    commit(jobs, "job2", done)

    assert create(jobs, new("more", within, "0.61")) == "refused"
    assert create(jobs, new("less", within, "0.60")) == "created"
    assert imbalances(database) == 0


@pytest.mark.parametrize(("cap", "fits"), [("1.20", True), ("1.19", False)])
def test_an_intent_borrows_what_its_own_shard_does_not_have(
    database: Database, cap: str, fits: bool
) -> None:
    within = limits(cap)
    jobs = FirestoreJobs(database, within)
    chain = (ProviderId.RUNWAY, ProviderId.OMNI)
    job = new("job1", within, chain=chain)
    jobs.create(job)
    unknown = answered(job, ProviderId.RUNWAY, Unknown(detail="no answer"))
    commit(jobs, "job1", unknown)

    with nullcontext() if fits else pytest.raises(LimitReached):
        commit(jobs, "job1", started(unknown, ProviderId.OMNI))

    assert spend(database).month.used_usd == Decimal("1.20" if fits else "0.40")
    assert imbalances(database) == 0


def test_a_charge_above_the_cap_counts_against_all_shards(database: Database) -> None:
    within = limits("5.00")
    jobs = FirestoreJobs(database, within)
    job = running(new("job1", within), ProviderId.RUNWAY)
    jobs.create(job)
    commit(jobs, "job1", polled(job, Succeeded(cost_usd=Decimal("4.00"))))

    ends = [create(jobs, new(f"b{n}", within)) for n in range(8)]

    assert ends == ["created"] * 2 + ["refused"] * 6
    assert imbalances(database) == 0


def test_a_charge_binds_its_day_after_a_job_of_the_next(database: Database) -> None:
    """After midnight, jobs of the day before still start attempts."""
    within = limits("4.00")
    jobs = FirestoreJobs(database, within)
    owing, tomorrows = in_shard(0, within), in_shard(1, within)
    jobs.create(owing)
    owed = replace(read(jobs, owing.job_id).value, hold_usd=Decimal("4.00"))
    commit(jobs, owing.job_id, owed)
    next_day = replace(tomorrows.ledger_key, day="d23")

    assert create(jobs, replace(tomorrows, ledger_key=next_day)) == "created"
    assert create(jobs, in_shard(1, within)) == "refused"


def test_a_charge_on_one_day_binds_the_month_on_the_next(database: Database) -> None:
    within = limits("40.00", monthly="4.00")
    jobs = FirestoreJobs(database, within)
    owing = in_shard(0, within)
    jobs.create(owing)

    def create_tomorrow() -> str:
        job = in_shard(1, within)
        return create(jobs, replace(job, ledger_key=replace(job.ledger_key, day="d23")))

    assert create_tomorrow() == "created"
    owed = replace(read(jobs, owing.job_id).value, hold_usd=Decimal("4.00"))
    commit(jobs, owing.job_id, owed)

    assert create_tomorrow() == "refused"


def test_a_charge_during_a_full_check_is_noticed_even_if_a_mark_was_already_set(
    firestore_client: firestore.Client, database: Database
) -> None:
    """Firestore doesn't count a write that changes nothing as a change."""
    within = limits("4.00")
    jobs = FirestoreJobs(database, within)
    owing = in_shard(0, within)
    jobs.create(owing)
    owed = replace(read(jobs, owing.job_id).value, hold_usd=Decimal("0.80"))
    commit(jobs, owing.job_id, owed)
    checking = Database(firestore_client)
    more = replace(owed, hold_usd=Decimal("4.00"))
    after_next(checking, "get_all", lambda: commit(jobs, owing.job_id, more))

    assert create(FirestoreJobs(checking, within), in_shard(2, within)) == "refused"
    assert spend(database).month.used_usd == Decimal("4.00")


def test_a_changed_cap_applies_from_the_next_job_on(database: Database) -> None:
    ends = {}
    for cap in ("8.00", "2.00", "6.00"):
        within = limits(cap)
        jobs = FirestoreJobs(database, within)
        ends[cap] = [create(jobs, new(f"{cap[0]}x{n}", within)) for n in range(10)]

    assert ends["8.00"].count("created") == 10
    assert ends["2.00"].count("created") == 0
    assert ends["6.00"].count("created") == 5
    assert imbalances(database) == 0


def test_an_old_revisions_jobs_are_noticed_within_a_minute(database: Database) -> None:
    """After a deploy with a lower cap, while both revisions run."""
    lower, higher = limits("2.00"), limits("8.00")
    old, young = FirestoreJobs(database, higher), FirestoreJobs(database, lower)
    assert create(young, in_shard(0, lower)) == "created"
    for shard in (1, 1, 1, 2, 2, 2):
        old.create(in_shard(shard, higher))

    later = replace(in_shard(3, lower), created_at=NOON + FULL_CHECK_INTERVAL)

    assert create(young, later) == "refused"


def test_a_process_remembers_only_valid_full_checks(database: Database) -> None:
    """A process may serve any number of users, for months."""
    within = replace(limits("8.00"), user=Caps(daily_usd=Decimal(8)))
    caps = FirestoreCaps(database=database, limits=within)
    for minute, user in enumerate(("ann", "bob")):
        key = ledger_key(user, NOON, within, nth_of(user))
        key = replace(key, day=f"d2{minute}")
        marks = database.batch()
        for account in key.accounts:
            caps.request_full_check(marks, account, key.day)
        marks.commit()
        found = {each.reference.path: each for each in documents(database, caps, key)}
        held_usd, now = Decimal(1), NOON + minute * FULL_CHECK_INTERVAL

        caps.hold(database.batch(), key, held_usd, now, found)

    assert list(caps.full_checks) == [(ALL, "d21")]


def documents(database: Database, caps: FirestoreCaps, key: LedgerKey) -> list[Any]:
    return list(database.get_all(caps.conditions(key, NOON)))


def test_a_full_check_of_one_day_does_not_count_for_another(database: Database) -> None:
    """After midnight, jobs of the day before still start attempts."""
    lower, higher = limits("2.00"), limits("8.00")
    old, young = FirestoreJobs(database, higher), FirestoreJobs(database, lower)
    for shard in (1, 1, 1, 2, 2, 2):
        old.create(in_shard(shard, higher))
    tomorrows = in_shard(0, lower)
    next_day = replace(tomorrows.ledger_key, day="d23")

    assert create(young, replace(tomorrows, ledger_key=next_day)) == "created"
    assert create(young, in_shard(3, lower)) == "refused"


def test_a_full_check_whose_commit_lost_the_race_does_not_count(
    firestore_client: firestore.Client, database: Database
) -> None:
    lower, higher = limits("4.40"), limits("8.00")
    old = FirestoreJobs(database, higher)
    for shard in (0, 1):
        old.create(in_shard(shard, higher, "2.00"))
    checking = Database(firestore_client)
    young, late = FirestoreJobs(checking, lower), in_shard(2, higher, "0.10")
    after_next(checking, "get_all", lambda: old.create(late))

    with pytest.raises(LostRace):
        young.create(in_shard(2, lower))

    assert create(young, in_shard(3, lower)) == "refused"


def test_all_shards_are_read_only_if_needed(firestore_client: firestore.Client) -> None:
    """Always the user's counts; those of all shards in a full check, or if its own has
    no room, which the two of its own then show. Each job here has another user.
    """
    within, all_of_them = limits("8.00"), 2 * SHARDS
    counting, created = Counting(firestore_client), list[str]()
    jobs = FirestoreJobs(counting, within)

    def reads(usd: str = "1.00") -> int:
        counting.documents = 0
        job = in_shard(0, within, usd)
        jobs.create(replace(job, user_id=f"reader{len(created)}"))
        created.append(job.job_id)
        return counting.documents

    assert [reads(), reads()] == [1 + all_of_them, 1]

    for job_id in list(created):
        done = replace(ended(new(job_id, within)), hold_usd=Decimal(1))
        commit(jobs, job_id, done)
    assert reads() == 1 + 3  # what they released is room in the same document

    owing = created[-1]
    commit(jobs, owing, replace(read(jobs, owing).value, hold_usd=Decimal("1.01")))
    assert [reads("0.05"), reads("0.05")] == [1 + 3 + all_of_them, 2]


def test_a_user_with_too_many_jobs_is_refused_by_one_read(
    firestore_client: firestore.Client,
) -> None:
    """No money of theirs ends it, so they could send requests all day."""
    within = replace(limits("8.00"), max_open_jobs=1)
    counting = Counting(firestore_client)
    jobs, first = FirestoreJobs(counting, within), new("first", within)
    jobs.create(first)
    late = NOON + FULL_CHECK_INTERVAL  # all shards would be read again

    def refused() -> int:
        counting.documents = 0
        with pytest.raises(TooManyJobs):
            jobs.create(
                replace(new("first2", within), user_id=first.user_id, created_at=late)
            )
        return counting.documents

    assert [refused(), refused()] == [1, 1]

    commit(FirestoreJobs(Database(firestore_client), within), "first", ended(first))
    jobs.create(replace(new("first3", within), user_id=first.user_id, created_at=late))


def test_raising_the_number_of_shards_keeps_the_cap(database: Database) -> None:
    ends = []
    for shards in (2, 7):
        within = limits("4.00", shards=shards)
        jobs = FirestoreJobs(database, within)
        ends += [create(jobs, new(f"s{shards}x{n}", within)) for n in range(8)]

    assert ends.count("created") == 10
    assert imbalances(database, 7) == 0


def test_the_ledger_balances_after_concurrent_commits(database: Database) -> None:
    """Each thread creates jobs, raises some holds, and ends most jobs."""
    within = limits("9.00", monthly="9.50")
    jobs, most = FirestoreJobs(database, within), []
    lock = threading.Lock()

    def live(seed: int) -> None:
        rng = random.Random(seed)
        for n in range(6):
            job = new(f"job{seed}x{n}", within)
            if create(jobs, job) == "refused":
                continue
            with lock:
                most.append(spend(database).month.used_usd)
            unknown = answered(job, ProviderId.RUNWAY, Unknown(detail="lost"))
            if rng.random() < 0.5:
                commit(jobs, job.job_id, replace(unknown, hold_usd=job.hold_usd))
            if rng.random() < 0.7:
                commit(jobs, job.job_id, ended(job))

    with ThreadPoolExecutor(12) as crowd:
        list(crowd.map(live, range(12)))

    assert max(most) <= Decimal("9.00")
    assert spend(database).month.used_usd <= Decimal("9.00")
    assert imbalances(database) == 0


def test_a_concurrent_end_never_makes_a_create_fail(
    firestore_client: firestore.Client, database: Database
) -> None:
    within = limits("9.00", shards=1)
    jobs = FirestoreJobs(database, within)
    ending = new("ending", within)
    jobs.create(ending)
    creating = Database(firestore_client)
    after_next(creating, "get_all", lambda: commit(jobs, "ending", ended(ending)))

    FirestoreJobs(creating, within).create(new("beside", within))

    month = spend(database, 1).month
    assert (month.held_usd, month.settled_usd) == (Decimal("0.80"), Decimal("0.40"))
