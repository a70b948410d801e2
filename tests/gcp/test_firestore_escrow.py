"""A cap of all users, divided among documents: exact, and no queue."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, LimitReached, LostRace
from shared.domain.job import Job
from shared.domain.ledger import Account, Caps, Limits, ledger_key, nth_of
from shared.domain.outcomes import Polled, Succeeded, Unknown
from shared.domain.structs import replace
from shared.domain.transitions import apply
from shared.gcp.firestore_calls import Database, Document
from shared.gcp.firestore_caps import LOOK_EVERY
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import FirestoreUsage, LedgerAuditReader
from shared.worker.ledger_audit import AGO, Balance
from tests.domain.examples import NOON, a_job, answered, completed, running, started
from tests.fakes.clock import FrozenClock
from tests.gcp.stores import Counting, read

ALL = "all.2026-11"
SHARDS = 4
_numbers = count()
USERS = 50


def limits(cap: str, *, shards: int = SHARDS, monthly: str | None = None) -> Limits:
    month = None if monthly is None else Decimal(monthly)
    caps = Caps(daily_usd=Decimal(cap), monthly_usd=month)
    return Limits(everybody=caps, most_jobs_a_minute=10**6, shards=shards)


def new(job_id: str, within: Limits, usd: str = "0.40", **how: object) -> Job:
    """Of some user, in the document that its id decides on."""
    user = f"u{sum(job_id.encode()) % USERS}"
    key = ledger_key(user, NOON, within, nth_of(job_id))
    job = a_job(job_id=job_id, **how)
    return replace(job, user_id=user, hold_usd=Decimal(usd), ledger_key=key)


class Interleaved(Database):
    """Something else is committed after one of the reads, the first or a later one."""

    meanwhile: Callable[[], None]
    after = 1

    def get_all(self, *references: Any, **options: Any) -> list[Document]:
        found = super().get_all(*references, **options)
        self.after -= 1
        if self.after == 0:
            self.meanwhile()
        return found


def in_shard(shard: int, within: Limits, usd: str = "0.40") -> Job:
    """A new job whose document is this one."""
    ids = (f"job{next(_numbers)}" for _ in count())
    jobs = (new(job_id, within, usd) for job_id in ids)
    return next(job for job in jobs if job.ledger_key.shard == shard)


def ended(job: Job) -> Job:
    done = completed(a_job(job_id=job.job_id), ProviderId.RUNWAY)
    return replace(done, user_id=job.user_id, ledger_key=job.ledger_key)


def create(jobs: FirestoreJobs, job: Job) -> str:
    """ "taken" or "refused", after as many lost races as it takes."""
    while True:
        try:
            jobs.create(job)
        except LostRace:
            continue
        except LimitReached:
            return "refused"
        return "taken"


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


def off(database: Database, shards: int = SHARDS) -> int:
    """How much of the ledger is out of balance now."""
    reader = LedgerAuditReader(database, shards)
    clock = FrozenClock(datetime.now(UTC) + AGO)
    return Balance(read=lambda at, _: reader.read(at, [ALL]), clock=clock, zone=UTC)()


@pytest.mark.parametrize(
    ("shards", "monthly"), [(1, None), (3, "4.80"), (10, None), (10, "4.80")]
)
def test_40_threads_against_a_cap_for_12_are_12_to_the_cent(
    database: Database, shards: int, monthly: str | None
) -> None:
    within = limits("4.99", shards=shards, monthly=monthly)
    jobs = FirestoreJobs(database, within)

    with ThreadPoolExecutor(40) as crowd:
        ends = list(
            crowd.map(lambda n: create(jobs, new(f"job{n}", within)), range(40))
        )

    assert (ends.count("taken"), ends.count("refused")) == (12, 28)
    assert spend(database, shards).month.used_usd == Decimal("4.80")
    assert off(database, shards) == 0


def test_the_last_cent_is_lent_and_one_more_is_refused(database: Database) -> None:
    within = limits("1.00")
    jobs = FirestoreJobs(database, within)

    assert create(jobs, new("a", within, "0.99")) == "taken"
    assert create(jobs, new("b", within, "0.01")) == "taken"
    with pytest.raises(LimitReached) as refused:
        jobs.create(new("c", within, "0.01"))

    assert refused.value.limit is ErrorCode.DAILY_LIMIT_REACHED
    assert off(database) == 0


def test_what_an_end_released_is_room_again(database: Database) -> None:
    within = limits("4.00")
    jobs = FirestoreJobs(database, within)
    for n in range(4):
        jobs.create(new(f"job{n}", within, "1.00"))
    done = replace(ended(new("job2", within)), hold_usd=Decimal(1))
    commit(jobs, "job2", done)

    assert create(jobs, new("more", within, "0.61")) == "refused"
    assert create(jobs, new("less", within, "0.60")) == "taken"
    assert off(database) == 0


@pytest.mark.parametrize(("cap", "fits"), [("1.20", True), ("1.19", False)])
def test_an_intent_borrows_what_its_own_document_does_not_have(
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
    assert off(database) == 0


def test_what_is_owed_above_the_cap_is_paid_by_all_documents(
    database: Database,
) -> None:
    within = limits("8.00")
    jobs = FirestoreJobs(database, within)
    job = running(new("job1", within), ProviderId.RUNWAY)
    jobs.create(job)
    charged = Polled(attempt_id="runway", poll=Succeeded(cost_usd=Decimal("7.00")))
    commit(jobs, "job1", apply(job, charged, NOON))

    ends = [create(jobs, new(f"b{n}", within)) for n in range(8)]

    assert ends == ["taken"] * 2 + ["refused"] * 6
    assert off(database) == 0


def test_what_is_owed_on_one_day_binds_it_after_a_job_of_the_next_day(
    database: Database,
) -> None:
    """Past midnight, jobs of the day before still begin attempts."""
    within = limits("4.00")
    jobs = FirestoreJobs(database, within)
    owing, tomorrows = in_shard(0, within), in_shard(1, within)
    jobs.create(owing)
    owed = replace(read(jobs, owing.job_id).value, hold_usd=Decimal("4.00"))
    commit(jobs, owing.job_id, owed)
    next_day = replace(tomorrows.ledger_key, day="d23")

    assert create(jobs, replace(tomorrows, ledger_key=next_day)) == "taken"
    assert create(jobs, in_shard(1, within)) == "refused"


def test_what_is_owed_during_a_look_is_looked_at_although_it_marks_nothing_new(
    firestore_client: firestore.Client, database: Database
) -> None:
    """Firestore takes a write that changes nothing for none."""
    within = limits("4.00")
    jobs = FirestoreJobs(database, within)
    owing = in_shard(0, within)
    jobs.create(owing)
    owed = replace(read(jobs, owing.job_id).value, hold_usd=Decimal("0.80"))
    commit(jobs, owing.job_id, owed)
    interleaved = Interleaved(firestore_client)
    interleaved.after = 2
    more = replace(owed, hold_usd=Decimal("4.00"))
    interleaved.meanwhile = lambda: commit(jobs, owing.job_id, more)

    assert create(FirestoreJobs(interleaved, within), in_shard(2, within)) == "refused"
    assert spend(database).month.used_usd == Decimal("4.00")


def test_a_cap_changed_in_mid_month_holds_from_the_next_job_on(
    database: Database,
) -> None:
    ends = {}
    for cap in ("8.00", "2.00", "6.00"):
        within = limits(cap)
        jobs = FirestoreJobs(database, within)
        ends[cap] = [create(jobs, new(f"{cap[0]}x{n}", within)) for n in range(10)]

    assert ends["8.00"].count("taken") == 10
    assert ends["2.00"].count("taken") == 0
    assert ends["6.00"].count("taken") == 5
    assert off(database) == 0


def test_what_an_old_revision_still_admits_is_noticed_within_a_minute(
    database: Database,
) -> None:
    """After a deploy with a lower cap, for as long as both revisions run."""
    lower, higher = limits("2.00"), limits("8.00")
    old, young = FirestoreJobs(database, higher), FirestoreJobs(database, lower)
    assert create(young, in_shard(0, lower)) == "taken"
    for shard in (1, 1, 1, 2, 2, 2):
        old.create(in_shard(shard, higher))

    later = replace(in_shard(3, lower), created_at=NOON + LOOK_EVERY)

    assert create(young, later) == "refused"


def test_a_look_at_one_day_is_none_at_another(database: Database) -> None:
    """Past midnight, jobs of the day before still begin attempts."""
    lower, higher = limits("2.00"), limits("8.00")
    old, young = FirestoreJobs(database, higher), FirestoreJobs(database, lower)
    for shard in (1, 1, 1, 2, 2, 2):
        old.create(in_shard(shard, higher))
    tomorrows = in_shard(0, lower)
    next_day = replace(tomorrows.ledger_key, day="d23")

    assert create(young, replace(tomorrows, ledger_key=next_day)) == "taken"
    assert create(young, in_shard(3, lower)) == "refused"


def test_a_look_whose_commit_lost_the_race_does_not_count(
    firestore_client: firestore.Client, database: Database
) -> None:
    lower, higher = limits("4.40"), limits("8.00")
    old = FirestoreJobs(database, higher)
    for shard in (0, 1):
        old.create(in_shard(shard, higher, "2.00"))
    interleaved = Interleaved(firestore_client)
    young = FirestoreJobs(interleaved, lower)
    interleaved.after = 2
    interleaved.meanwhile = lambda: old.create(in_shard(2, higher, "0.10"))

    with pytest.raises(LostRace):
        young.create(in_shard(2, lower))

    assert create(young, in_shard(3, lower)) == "refused"


def test_a_job_reads_all_documents_only_when_there_is_a_reason(
    firestore_client: firestore.Client,
) -> None:
    """The user's counts; its own two if it must; and the two of each shard as well if
    these leave no room. Each job here has another user.
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

    assert [reads(), reads()] == [3 + all_of_them, 1]

    for job_id in list(created):
        done = replace(ended(new(job_id, within)), hold_usd=Decimal(1))
        commit(jobs, job_id, done)
    assert reads() == 1 + 3  # what they released is room in the same document

    owing = created[-1]
    commit(jobs, owing, replace(read(jobs, owing).value, hold_usd=Decimal("1.01")))
    assert [reads("0.05"), reads("0.05")] == [1 + 3 + all_of_them, 2]


def test_a_raised_number_of_documents_holds_the_cap_as_before(
    database: Database,
) -> None:
    ends = []
    for shards in (2, 7):
        within = limits("4.00", shards=shards)
        jobs = FirestoreJobs(database, within)
        ends += [create(jobs, new(f"s{shards}x{n}", within)) for n in range(8)]

    assert ends.count("taken") == 10
    assert off(database, 7) == 0


def test_after_chaos_of_creates_raises_and_ends_the_ledger_balances(
    database: Database,
) -> None:
    """Each thread makes jobs, raises some holds, and ends all but some of them."""
    within = limits("9.00", monthly="9.50")
    jobs, most = FirestoreJobs(database, within), []
    lock = threading.Lock()

    def live(seed: int) -> None:
        luck = random.Random(seed)
        for n in range(6):
            job = new(f"job{seed}x{n}", within)
            if create(jobs, job) == "refused":
                continue
            with lock:
                most.append(spend(database).month.used_usd)
            unknown = answered(job, ProviderId.RUNWAY, Unknown(detail="lost"))
            if luck.random() < 0.5:
                commit(jobs, job.job_id, replace(unknown, hold_usd=job.hold_usd))
            if luck.random() < 0.7:
                commit(jobs, job.job_id, ended(job))

    with ThreadPoolExecutor(12) as crowd:
        list(crowd.map(live, range(12)))

    assert max(most) <= Decimal("9.00")
    assert spend(database).month.used_usd <= Decimal("9.00")
    assert off(database) == 0


def test_an_end_never_spoils_a_creation_beside_it(
    firestore_client: firestore.Client, database: Database
) -> None:
    within = limits("9.00", shards=1)
    jobs = FirestoreJobs(database, within)
    ending = new("ending", within)
    jobs.create(ending)
    interleaved = Interleaved(firestore_client)
    interleaved.meanwhile = lambda: commit(jobs, "ending", ended(ending))

    FirestoreJobs(interleaved, within).create(new("beside", within))

    month = spend(database, 1).month
    assert (month.held_usd, month.settled_usd) == (Decimal("0.80"), Decimal("0.40"))
