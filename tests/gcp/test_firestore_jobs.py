"""The contract of jobs, queries and idempotency, on the emulator and on the fake."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, LostRace, Problem
from shared.domain.job import Job
from shared.domain.ledger import Limits, ledger_key
from shared.domain.listing import Position
from shared.domain.outcomes import PrepareFailed
from shared.domain.projection import Status, project
from shared.domain.structs import replace
from shared.domain.webhook import Webhook
from shared.gcp.firestore_job_queries import FirestoreJobQueries
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.jobs.commit import LONG_BACKOFF, JobCommitter
from shared.ports.store import IdempotencyRecord, OverdueWebhook, Versioned
from shared.system import RandomIds, pause
from shared.usecases.read_videos import ListVideos
from tests.domain.examples import (
    FAULT,
    MINUTE,
    NOON,
    a_job,
    a_new_job,
    answered,
    completed,
    rejected,
    running,
    started,
    storing,
)
from tests.fakes.bucket import FakeBucket
from tests.fakes.clock import FrozenClock
from tests.gcp import stores
from tests.gcp.stores import Counting, OnEmulator, OnFake, Store
from tests.usecases.harness import ANN


@pytest.fixture(params=["emulator", "fake"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return OnFake()
    return OnEmulator(request.getfixturevalue("firestore_client"))


def created(store: Store, job: Job | None = None) -> Versioned[Job]:
    job = job or a_new_job()
    store.jobs.create(job)
    return read(store, job.job_id)


def read(store: Store, job_id: str = "job1") -> Versioned[Job]:
    return stores.read(store.jobs, job_id)


def committed(
    store: Store, before: Versioned[Job], **changes: object
) -> Versioned[Job]:
    version = before.value.version + 1
    return store.jobs.commit(before, replace(before.value, version=version, **changes))  # type: ignore[arg-type] # fields of a job


def test_a_job_with_every_field_is_read_back(store: Store) -> None:
    before = created(store)
    after = replace(completed(a_job(), ProviderId.RUNWAY), version=2, commit_id="c2")

    snapshot = store.jobs.commit(before, after)

    assert snapshot.value == after
    assert read(store) == snapshot


@pytest.mark.parametrize(
    "job_id", ["nobody", "", ".", "..", "__x__", "a/b", "é", "x" * 1600]
)
def test_a_missing_job_or_an_impossible_id_is_none(store: Store, job_id: str) -> None:
    assert store.jobs.read(job_id) is None


def test_the_same_job_is_created_once(store: Store) -> None:
    created(store)

    with pytest.raises(LostRace):
        store.jobs.create(a_new_job(prompt="another"))

    assert read(store).value == a_new_job()


def test_of_a_commit_that_loses_the_race_nothing_is_written(store: Store) -> None:
    before = created(store)
    after = committed(store, before, progress=5).value
    (_, account), hold_usd = after.ledger_key.accounts, after.hold_usd

    with pytest.raises(LostRace):
        committed(store, before, progress=90, hold_usd=hold_usd + 1)

    assert read(store).value == after
    assert store.projection("job1") == project(after)
    assert store.account(account).month.held_usd == hold_usd


def test_a_deleted_job_is_not_resurrected(store: Store) -> None:
    before = created(store)
    store.delete("job1")

    with pytest.raises(LostRace):
        committed(store, before, progress=5)

    assert store.jobs.read("job1") is None
    assert store.projection("job1") is None


def test_the_owner_sees_each_change(store: Store) -> None:
    before = created(store)
    assert store.projection("job1") == project(a_new_job())

    after = committed(store, before, progress=42, updated_at=NOON + MINUTE)

    assert store.projection("job1") == project(after.value)


def test_a_change_the_owner_does_not_see_writes_no_projection(store: Store) -> None:
    before = created(store)
    written_at = store.written_at("job1")

    inside = {"wake_at": NOON + MINUTE, "updated_at": NOON + MINUTE, "commit_id": "x"}
    committed(store, before, **inside)

    assert store.written_at("job1") == written_at


def test_jobs_overdue_for_longest_come_first(store: Store) -> None:
    for minutes in (3, 9, 1, 6):
        store.jobs.create(
            replace(
                a_new_job(job_id=f"late{minutes}", at=NOON - minutes * MINUTE),
                version=minutes,
            )
        )
    store.jobs.create(a_new_job(job_id="early", at=NOON + MINUTE))
    store.jobs.create(replace(completed(a_job(), ProviderId.RUNWAY), job_id="done"))

    overdue = store.queries.overdue(NOON, limit=3)
    rest = store.queries.overdue(NOON, after=overdue[-1], limit=3)

    assert [o.job_id for o in overdue] == ["late9", "late6", "late3"]
    assert [o.job_id for o in rest] == ["late1"]
    assert [o.version for o in overdue] == [9, 6, 3]
    assert overdue[0].wake_at == NOON - timedelta(minutes=9)
    assert overdue[0].deadline_at == a_new_job(at=NOON - 9 * MINUTE).deadline_at


def test_overdue_webhooks_are_found_separately_from_overdue_jobs(store: Store) -> None:
    for name, minutes in (("late3", 3), ("late0", 0), ("late9", 9), ("early", -1)):
        webhook = Webhook(key_id="k", attempts=2).scheduled(NOON - minutes * MINUTE)
        job = replace(a_new_job(job_id=name), wake_at=None)
        created(store, replace(job, webhook=webhook))
    created(store, replace(a_new_job(job_id="open"), webhook=Webhook(key_id="k")))
    created(store)

    overdue = store.queries.overdue_webhooks(NOON, limit=2)

    assert overdue == [
        OverdueWebhook(job_id="late9", attempts=2, due_at=NOON - 9 * MINUTE),
        OverdueWebhook(job_id="late3", attempts=2, due_at=NOON - 3 * MINUTE),
    ]
    assert len(store.queries.overdue_webhooks(NOON, limit=9)) == 3
    assert {o.job_id for o in store.queries.overdue(NOON, limit=9)} == {"open", "job1"}


def test_an_abandoned_job_says_why_and_its_webhook_is_due(store: Store) -> None:
    created(store, replace(a_new_job(), webhook=Webhook(key_id="k")))

    store.jobs.abandon("job1", 1, NOON + MINUTE)

    ended = read(store).value
    why = Problem(code=ErrorCode.DEADLINE_EXCEEDED, detail="poison")
    assert (ended.problem, ended.wake_at) == (why, None)
    assert ended.webhook == Webhook(key_id="k").scheduled(NOON + MINUTE)


def test_jobs_overdue_since_one_moment_are_found_page_by_page(store: Store) -> None:
    for nth in range(5):
        store.jobs.create(a_new_job(job_id=f"late{nth}"))
    last, found = None, []

    while page := store.queries.overdue(NOON, after=last, limit=2):
        found += [overdue.job_id for overdue in page]
        last = page[-1]

    assert found == [f"late{nth}" for nth in range(5)]


REJECTED = answered(a_job(), ProviderId.RUNWAY, rejected(ErrorCode.ACCESS_DENIED))
AWAITING = {
    "not prepared": (a_new_job(), False),
    "prepared": (a_job(), True),
    "rejected": (REJECTED, True),
    "cancelled": (replace(a_job(), cancel_requested_at=NOON), False),
    "starting": (started(a_job(), ProviderId.RUNWAY), False),
    "running": (running(a_job(), ProviderId.RUNWAY), False),
    "storing": (storing(a_job(), ProviderId.RUNWAY), False),
    "text alone": (a_new_job(image_url=None), True),
    "last image missing": (a_job(last_image="up1"), False),
    "both prepared": (replace(a_job(last_image="up1"), last_image=a_job().image), True),
}


@pytest.mark.parametrize(("job", "awaits_start"), AWAITING.values(), ids=AWAITING)
def test_an_overdue_job_says_whether_it_awaits_its_start(
    store: Store, job: Job, awaits_start: bool
) -> None:
    store.jobs.create(job)
    now = NOON + 3 * MINUTE

    (overdue,) = store.queries.overdue(now, limit=2)

    assert overdue.awaits_start is awaits_start


def test_twenty_concurrent_writers_all_succeed(store: Store) -> None:
    before = created(store)
    committer = JobCommitter(
        jobs=store.jobs, clock=FrozenClock(), ids=RandomIds(), pause=pause
    )
    other = replace(before.value, image=None, prepare_tries=-100)
    before = store.jobs.commit(before, replace(other, version=2))

    def write(_: int) -> Versioned[Job] | None:
        missed = PrepareFailed(problem=FAULT)
        return committer.commit(before, missed, backoff=LONG_BACKOFF * 3)

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(write, range(20)))

    assert read(store).value.prepare_tries == -80
    assert read(store).value.version == 22


def listed(
    store: Store,
    *,
    status: Status | None = None,
    after: Position | None = None,
    limit: int = 9,
) -> list[str]:
    page = store.queries.page("ann", status=status, after=after, limit=limit)
    assert all(shown == project(read(store, shown["job_id"]).value) for shown in page)
    return [shown["job_id"] for shown in page]


def jobs_at_minutes(store: Store, **minutes: int) -> None:
    for job_id, minute in minutes.items():
        store.jobs.create(a_new_job(job_id=job_id, at=NOON + minute * MINUTE))


def place_of(job: Job) -> Position:
    return Position(created_at=job.created_at, job_id=job.job_id)


def of_bob(job: Job) -> Job:
    return replace(job, user_id="bob", ledger_key=ledger_key("bob", NOON, Limits()))


def test_a_page_has_the_users_own_jobs_newest_first(store: Store) -> None:
    jobs_at_minutes(store, old=1, new=3, middle=2)
    store.jobs.create(of_bob(a_new_job(job_id="bobs", at=NOON + 2 * MINUTE)))

    assert listed(store) == ["new", "middle", "old"]
    assert listed(store, limit=2) == ["new", "middle"]


def test_pages_follow_each_other_to_the_microsecond(store: Store) -> None:
    tick = timedelta(microseconds=1)
    for job_id, at in {"a": NOON, "b": NOON, "c": NOON + tick, "d": NOON}.items():
        store.jobs.create(a_new_job(job_id=job_id, at=at))

    found: list[str] = []
    after = None
    while page := listed(store, after=after, limit=1):
        found += page
        after = place_of(read(store, page[0]).value)

    assert found == ["c", "d", "b", "a"]


def test_a_page_can_start_after_a_deleted_job(store: Store) -> None:
    jobs_at_minutes(store, a=1, b=2, c=3)
    after = place_of(read(store, "b").value)
    store.jobs.delete(read(store, "b"))

    assert listed(store, after=after) == ["a"]


def test_a_page_can_be_filtered_by_status(store: Store) -> None:
    jobs_at_minutes(store, a=1, b=2, c=3)
    store.jobs.create(of_bob(a_new_job(job_id="bobs")))
    for job_id in ("a", "b"):
        before = read(store, job_id)
        ended = before.value.ended(ErrorCode.CANCELLED)
        store.jobs.commit(before, replace(ended, version=2))

    assert listed(store, status=Status.FAILED) == ["b", "a"]
    assert listed(store, status=Status.PROCESSING) == ["c"]
    assert listed(store, status=Status.COMPLETED) == []


def test_a_full_page_costs_one_read_per_video(firestore_client: Any) -> None:
    database = Counting(firestore_client)
    jobs = FirestoreJobs(database, Limits(max_open_jobs=102, max_jobs_per_minute=102))
    for nth in range(102):
        jobs.create(a_new_job(job_id=f"job{nth}", at=NOON + nth * MINUTE))
    database.documents = 0
    videos = ListVideos(
        jobs=jobs,
        queries=FirestoreJobQueries(database),
        bucket=FakeBucket(),
        clock=FrozenClock(),
        ids=RandomIds(),
    )

    page = videos(ANN, limit=100)

    assert (len(page.videos), page.next_cursor is not None) == (100, True)
    assert database.documents == 101


def test_a_deleted_job_leaves_only_its_idempotency_record(store: Store) -> None:
    store.jobs.create(a_new_job(), a_record("job1"))

    store.jobs.delete(read(store))

    assert store.jobs.read("job1") is None
    assert store.projection("job1") is None
    assert listed(store) == []
    assert recorded(store).value == a_record("job1")


def test_a_delete_based_on_a_stale_read_loses_the_race(store: Store) -> None:
    before = created(store)
    committed(store, before, progress=5)

    with pytest.raises(LostRace):
        store.jobs.delete(before)

    assert read(store).value.progress == 5
    assert store.projection("job1") is not None


def test_an_upload_is_in_use_if_another_job_names_it(store: Store) -> None:
    is_of_others = store.queries.is_image_of_others
    twice = a_new_job(job_id="a", image_url=None, image="up1", last_image="up1")
    store.jobs.create(twice)

    assert not is_of_others("ann", "up1", "a")
    assert is_of_others("ann", "up1", "b")
    store.jobs.create(a_new_job(job_id="b", last_image="up1"))
    assert is_of_others("ann", "up1", "a")
    assert is_of_others("ann", "up1", "b")
    assert not is_of_others("ann", "up2", "a")
    assert not is_of_others("bob", "up1", "a")


def a_record(job_id: str, **fields: Any) -> IdempotencyRecord:
    expires_at = NOON + 15 * MINUTE
    record = IdempotencyRecord(
        name="k", job_id=job_id, body_sha256="x", expires_at=expires_at
    )
    return replace(record, **fields)


def recorded(store: Store) -> Versioned[IdempotencyRecord]:
    record = store.idempotency.get("k")
    assert record is not None
    return record


def test_an_idempotency_record_is_created_once(store: Store) -> None:
    store.jobs.create(a_new_job(job_id="a"), a_record("a"))

    with pytest.raises(LostRace):
        store.jobs.create(a_new_job(job_id="b"), a_record("b"))

    assert store.jobs.read("b") is None
    assert recorded(store).value == a_record("a")


def test_a_record_is_replaced_if_unchanged_since_it_was_read(store: Store) -> None:
    store.jobs.create(a_new_job(job_id="a"), a_record("a"))
    newer = a_record("b", created_by_retry=True, expires_at=NOON + 30 * MINUTE)

    store.jobs.create(a_new_job(job_id="b"), newer, over=recorded(store))

    assert recorded(store).value == newer


@pytest.mark.parametrize("is_gone", [False, True], ids=["replaced", "expired"])
def test_a_record_that_changed_is_a_lost_race(store: Store, is_gone: bool) -> None:
    store.jobs.create(a_new_job(job_id="a"), a_record("a"))
    seen = recorded(store)
    if is_gone:
        store.forget_record("k")
    else:
        store.jobs.create(a_new_job(job_id="b"), a_record("b"), over=seen)

    with pytest.raises(LostRace):
        store.jobs.create(a_new_job(job_id="c"), a_record("c"), over=seen)

    assert store.jobs.read("c") is None
    assert is_gone or recorded(store).value == a_record("b")


def test_a_record_is_consumed_if_unchanged_since_it_was_read(store: Store) -> None:
    store.jobs.create(a_new_job(job_id="a"), a_record("a", created_by_retry=True))

    store.idempotency.mark_consumed(recorded(store))

    assert recorded(store).value == a_record("a", created_by_retry=False)


@pytest.mark.parametrize("happens", ["used", "replaced", "expired"])
def test_a_record_that_changed_is_not_consumed(store: Store, happens: str) -> None:
    newer = a_record("b", created_by_retry=True)
    store.jobs.create(a_new_job(job_id="a"), a_record("a", created_by_retry=True))
    seen = recorded(store)
    match happens:
        case "used":
            store.idempotency.mark_consumed(seen)
        case "replaced":
            store.jobs.create(a_new_job(job_id="b"), newer, over=seen)
        case "expired":
            store.forget_record("k")

    with pytest.raises(LostRace):
        store.idempotency.mark_consumed(seen)

    if happens == "replaced":
        assert recorded(store).value == newer
