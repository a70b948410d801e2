"""The contract of caps, keys and counts of jobs, on the emulator and on the fake."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ApiError,
    ErrorCode,
    LimitReached,
    LostRace,
    TooManyJobs,
    TooManyRequests,
    Unreadable,
)
from shared.domain.job import Job, Language
from shared.domain.ledger import Booking, Caps, Limits, Totals
from shared.domain.outcomes import Succeeded, Unknown
from shared.domain.request import ClientRetry, UploadRequest
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_job_queries import FirestoreJobQueries
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_ledger import FirestoreLedger
from shared.ports.identity import Caller
from shared.ports.store import IdempotencyRecord, Versioned
from shared.system import RandomIds, pause
from shared.usecases.create_video import CreateResult
from shared.usecases.uploads import StartUpload
from tests.domain.examples import (
    NOON,
    SECOND,
    a_job,
    a_new_job,
    a_request,
    answered,
    completed,
    polled,
    running,
    started,
)
from tests.fakes.bucket import FakeBucket
from tests.fakes.clock import FrozenClock
from tests.fakes.interpose import after_next
from tests.gcp.stores import OnEmulator, OnFake, Store, end, read
from tests.usecases.harness import Harness

ALL, ANNS = "all.2026-11", "user.ann.2026-11"


def daily(usd: str) -> Caps:
    return Caps(daily_usd=Decimal(usd))


def monthly(usd: str) -> Caps:
    return Caps(monthly_usd=Decimal(usd))


def within(**limits: Limits) -> pytest.MarkDecorator:
    """Run the test with each of these limits."""
    names = (name.replace("_", " ") for name in limits)
    return pytest.mark.parametrize("limits", limits.values(), ids=names)


Open = Callable[[Limits], Store]


@pytest.fixture(params=["emulator", "fake"])
def store_with(request: pytest.FixtureRequest) -> Open:
    """Opens the store with given limits, on the emulator or the fake."""
    if request.param == "fake":
        return OnFake
    return partial(OnEmulator, request.getfixturevalue("firestore_client"))


def create(
    store: Store,
    limits: Limits,
    *,
    key: str | None = None,
    user: str = "ann",
    client_retry: ClientRetry = ClientRetry.ONCE,
) -> CreateResult | str:
    """Create a video; returns the job, or the code of the refusal."""
    create_video = replace(
        Harness(chain=(ProviderId.RUNWAY,)).create_video,
        jobs=store.jobs,
        idempotency=store.idempotency,
        quotas=store.quotas,
        limits=limits,
        ids=RandomIds(),
        pause=pause,
    )
    try:
        caller = Caller(user_id=user)
        return create_video(caller, a_request(), Language.ENGLISH, key, client_retry)
    except ApiError as refused:
        return refused.code


@within(
    all_daily=Limits(all_users=daily("4")),
    all_monthly=Limits(all_users=monthly("4")),
    ones_own_daily=Limits(user=daily("4")),
)
def test_50_at_once_under_a_cap_for_10_create_10(
    store_with: Open, limits: Limits
) -> None:
    limits = replace(limits, max_open_jobs=100)
    store = store_with(limits)

    with ThreadPoolExecutor(50) as crowd:
        results = list(crowd.map(lambda _: create(store, limits), range(50)))

    assert sum(isinstance(t, CreateResult) for t in results) == 10
    assert store.account(ALL).month.open_usd == Decimal("4.00")
    assert store.open_jobs("ann") == 10


@within(without_caps=Limits(), all_daily=Limits(all_users=daily("9")))
def test_a_job_that_costs_nothing_does_not_change_the_ledger(
    store_with: Open, limits: Limits
) -> None:
    store = store_with(limits)
    paid = replace(a_new_job(), hold_usd=Decimal("3.20"))
    free = replace(a_new_job(job_id="job2"), hold_usd=Decimal(0))

    store.jobs.create(paid)
    store.jobs.create(free)
    end(store.jobs, "job2", free.ended(ErrorCode.CANCELLED))

    for account in (ALL, ANNS):
        assert store.account(account).month.open_usd == Decimal("3.20")


@pytest.mark.parametrize(
    "booked", [Totals(held_usd=Decimal(1)), Totals(settled_usd=Decimal(1))]
)
def test_a_booking_without_caps_changes_one_document_of_each_account(
    database: Database, booked: Totals
) -> None:
    batch = database.batch()

    FirestoreLedger(database, Limits()).add(batch, a_job(), Booking(totals=booked))

    assert batch.size == 2


@pytest.mark.parametrize(
    ("key", "client_retry"),
    [("k", ClientRetry.ONCE), (None, ClientRetry.AGAIN)],
    ids=["with one key", "retried"],
)
@within(
    without_caps=Limits(),
    one_open_job_allowed=Limits(max_open_jobs=1),
    room_for_one=Limits(user=daily("0.40")),
)
def test_20_concurrent_sends_of_one_request_create_one_job(
    store_with: Open, limits: Limits, key: str | None, client_retry: ClientRetry
) -> None:
    store = store_with(limits)

    def send(_: int) -> CreateResult | str:
        return create(store, limits, key=key, client_retry=client_retry)

    with ThreadPoolExecutor(20) as crowd:
        results = list(crowd.map(send, range(20)))

    jobs = {t.job.job_id for t in results if isinstance(t, CreateResult)}
    assert (len(jobs), len(results)) == (1, 20)
    assert sum(isinstance(t, CreateResult) and t.replayed for t in results) == 19
    assert store.open_jobs("ann") == 1


@within(
    open_jobs=Limits(max_open_jobs=5),
    a_minute=Limits(max_open_jobs=99, max_jobs_per_minute=5),
)
def test_30_at_once_create_no_more_jobs_than_allowed(
    store_with: Open, limits: Limits
) -> None:
    store = store_with(limits)

    with ThreadPoolExecutor(30) as crowd:
        results = list(crowd.map(lambda _: create(store, limits), range(30)))

    codes = Counter(t if isinstance(t, str) else "created" for t in results)
    assert codes == {"created": 5, "too_many_jobs": 25}


def test_the_rate_resets_each_minute_not_when_a_job_ends(store_with: Open) -> None:
    store = store_with(Limits(max_jobs_per_minute=1))
    job = a_new_job(duration=8)
    store.jobs.create(job)
    ended(store, job)

    with pytest.raises(TooManyJobs):
        store.jobs.create(a_new_job(job_id="soon", at=NOON + timedelta(seconds=59)))
    store.jobs.create(a_new_job(job_id="later", at=NOON + timedelta(seconds=60)))

    assert store.open_jobs("ann") == 1


def test_jobs_that_end_at_no_cost_are_limited_per_hour(store_with: Open) -> None:
    store = store_with(Limits(max_unpaid_per_hour=2))

    for name, problem in (
        ("a", ErrorCode.IMAGE_UNREACHABLE),
        ("b", ErrorCode.CANCELLED),
    ):
        store.jobs.create(job := a_new_job(job_id=name))
        end(store.jobs, name, job.ended(problem))

    with pytest.raises(TooManyJobs):
        store.jobs.create(a_new_job(job_id="c"))
    store.jobs.create(a_new_job(job_id="d", at=NOON + timedelta(hours=1)))


@within(
    open_jobs=Limits(max_open_jobs=1),
    jobs_a_minute=Limits(max_jobs_per_minute=1),
    ones_own_cap=Limits(user=daily("4")),
    all_users=Limits(all_users=monthly("4")),
)
def test_check_room_refuses_as_create_does_and_holds_nothing(
    store_with: Open, limits: Limits
) -> None:
    store = store_with(limits)
    job = a_new_job(chain=(ProviderId.VEO,))
    for _ in range(3):
        store.quotas.check_room(job)

    store.jobs.create(job)

    assert store.account(ALL).month.held_usd == Decimal("3.20")
    assert store.open_jobs("ann") == 1
    for refused in (store.quotas.check_room, store.jobs.create):
        with pytest.raises((LimitReached, TooManyJobs)):
            refused(a_new_job(job_id="next", chain=(ProviderId.VEO,)))


def test_30_uploads_at_once_stay_within_the_rate(store_with: Open) -> None:
    store = store_with(Limits(max_uploads_per_minute=5))
    start = StartUpload(
        quotas=store.quotas,
        bucket=FakeBucket(),
        clock=FrozenClock(),
        ids=RandomIds(),
        pause=pause,
    )
    png = UploadRequest(content_type="image/png", size_bytes=1)

    def ask(_: int) -> str:
        try:
            return start(Caller(user_id="ann"), png)[0]
        except TooManyJobs:
            return "refused"

    with ThreadPoolExecutor(30) as crowd:
        answers = Counter(crowd.map(ask, range(30)))

    assert answers["refused"] == 25


def test_uploads_and_jobs_are_counted_separately(store_with: Open) -> None:
    limits = Limits(max_jobs_per_minute=2, max_uploads_per_minute=1)
    store = store_with(limits)
    store.jobs.create(a_new_job(job_id="a"))
    store.quotas.count_upload("ann", NOON)
    store.jobs.create(a_new_job(job_id="b"))

    with pytest.raises(TooManyJobs):
        store.jobs.create(a_new_job(job_id="c"))
    with pytest.raises(TooManyJobs):
        store.quotas.count_upload("ann", NOON)
    store.quotas.count_upload("bob", NOON)
    store.quotas.count_upload("ann", NOON + timedelta(minutes=1))

    assert store.open_jobs("ann") == 2


def opened(store: Store, job: Job) -> Versioned[Job]:
    store.jobs.create(job)
    return read(store.jobs, job.job_id)


def ended(store: Store, job: Job) -> None:
    done = replace(completed(a_job(), ProviderId.RUNWAY), hold_usd=job.hold_usd)
    end(store.jobs, job.job_id, done)


@within(without_caps=Limits(), with_a_cap=Limits(all_users=daily("9")))
def test_the_end_settles_and_releases_in_the_accounts_of_the_creation(
    store_with: Open, limits: Limits
) -> None:
    store = store_with(limits)
    job = replace(a_new_job(), hold_usd=Decimal(1))
    store.jobs.create(job)

    ended(store, job)

    for name in (ALL, ANNS):
        totals = store.account(name).on(job.ledger_key.day)
        assert totals == Totals(
            held_usd=Decimal("1.00"),
            settled_usd=Decimal("0.40"),
            released_usd=Decimal("0.60"),
        )
        assert totals.open_usd == 0
    assert store.open_jobs("ann") == 0


def test_an_intent_that_raises_the_hold_needs_room(store_with: Open) -> None:
    store = store_with(Limits(user=daily("4")))
    before = opened(store, a_job(chain=(ProviderId.VEO,), job_id="other"))
    assert before.value.hold_usd == Decimal("3.20")
    runway = opened(store, a_job(chain=(ProviderId.RUNWAY, ProviderId.OMNI)))
    failed = answered(runway.value, ProviderId.RUNWAY, Unknown(detail="no answer"))
    unknown = store.jobs.commit(runway, replace(failed, version=2))

    with pytest.raises(LimitReached) as refused:
        intended = started(failed, ProviderId.OMNI)
        store.jobs.commit(unknown, replace(intended, version=3))

    assert refused.value.limit is ErrorCode.DAILY_LIMIT_REACHED
    assert store.account(ANNS).month.held_usd == Decimal("3.60")


def test_a_refused_create_writes_nothing(store_with: Open) -> None:
    store = store_with(Limits(max_open_jobs=1))
    store.jobs.create(a_new_job(job_id="first"))
    record = IdempotencyRecord(
        name="k", job_id="job1", body_sha256="x", expires_at=NOON + timedelta(days=7)
    )

    with pytest.raises(TooManyJobs):
        store.jobs.create(a_new_job(), record)

    assert store.jobs.read("job1") is None
    assert store.idempotency.get("k") is None
    assert store.account(ALL).month.held_usd == a_new_job().hold_usd


def test_an_abandoned_job_settles_its_whole_hold(store_with: Open) -> None:
    store = store_with(Limits())
    job = a_new_job(duration=8)
    store.jobs.create(job)

    store.jobs.abandon("job1", 1, NOON + timedelta(hours=3))

    totals = store.account(ANNS).on(job.ledger_key.day)
    assert (totals.settled_usd, totals.open_usd) == (Decimal("0.40"), Decimal(0))
    assert store.open_jobs("ann") == 0
    for job_id in ("job1", "deleted"):
        with pytest.raises(LostRace):
            store.jobs.abandon(job_id, 1, NOON + timedelta(hours=3))
    assert not store.queries.overdue(NOON + timedelta(days=1), limit=9)


def test_a_job_whose_projection_was_deleted_by_hand_is_abandoned_all_the_same(
    firestore_client: firestore.Client,
) -> None:
    """Otherwise its hold would stay, and each sweep would find it again."""
    store = OnEmulator(firestore_client)
    store.jobs.create(a_new_job())
    firestore_client.document("videos", "job1").delete()

    store.jobs.abandon("job1", 1, NOON)

    assert store.account(ANNS).month.open_usd == 0
    assert store.open_jobs("ann") == 0
    assert not store.queries.overdue(NOON, limit=9)
    assert not firestore_client.document("videos", "job1").get().exists


def test_an_abandoned_job_settles_a_charge_above_its_hold(store_with: Open) -> None:
    store = store_with(Limits())
    chain = (ProviderId.RUNWAY,)
    before = opened(store, a_new_job(chain=chain))
    accepted = running(a_job(chain=chain), ProviderId.RUNWAY)
    charged = polled(accepted, Succeeded(cost_usd=Decimal(4)))
    store.jobs.commit(before, replace(charged, version=2))

    with pytest.raises(LostRace):
        store.jobs.abandon("job1", 1, NOON + timedelta(hours=3))
    store.jobs.abandon("job1", 2, NOON + timedelta(hours=3))

    for name in (ALL, ANNS):
        month = store.account(name).month
        assert (month.settled_usd, month.open_usd) == (Decimal(4), Decimal(0))


def test_a_step_that_ends_a_job_while_it_is_abandoned_settles_it_once(
    firestore_client: firestore.Client, database: Database
) -> None:
    store, jobs = OnEmulator(firestore_client), FirestoreJobs(database)
    store.jobs.create(a_new_job())
    done = completed(a_job(), ProviderId.RUNWAY)
    after_next(database, "get_all", lambda: end(store.jobs, "job1", done))

    with pytest.raises(LostRace):
        jobs.abandon("job1", 1, NOON)

    assert read(jobs, "job1").value.delivered
    totals = store.account(ANNS).month
    assert (totals.settled_usd, totals.open_usd) == (done.cost_usd, Decimal(0))


def test_a_job_whose_attempts_are_malformed_settles_its_hold(
    firestore_client: firestore.Client,
) -> None:
    store, job = OnEmulator(firestore_client), a_new_job()
    store.jobs.create(job)
    firestore_client.document("videos/job1/internal/run").update({"attempts": "none"})

    store.jobs.abandon("job1", 1, NOON)

    assert store.account(ANNS).month.settled_usd == job.hold_usd


@pytest.mark.parametrize(
    "spoilt",
    [
        {"attempts": "none"},
        {"attempts": None},
        {"attempts": [None]},
        {"hold_usd": None, "request": 7},
        {"ledger_key": {"accounts": 3}, "chain": [1]},
        {"ledger_key": {}},
        {"ledger_key.shard": "first"},
        {"hold_usd": "much"},
        {"deadline_at": None},
    ],
    ids=str,
)
def test_an_unreadable_record_can_be_ended(
    firestore_client: firestore.Client, database: Database, spoilt: dict[str, object]
) -> None:
    jobs = FirestoreJobs(database)
    jobs.create(a_new_job())
    shown = firestore_client.collection("videos").document("job1")
    shown.collection("internal").document("run").update(spoilt)
    with pytest.raises(Unreadable):
        jobs.read("job1")
    queries = FirestoreJobQueries(database)
    (overdue,) = queries.overdue(NOON, limit=9)
    assert overdue.deadline_at >= overdue.wake_at

    jobs.abandon("job1", 1, NOON)

    document = shown.get().to_dict() or {}
    assert document["status"] == "failed"
    assert document["error"]["code"] == "deadline_exceeded"
    assert queries.overdue(NOON + timedelta(days=1), limit=9) == []
    counted = firestore_client.collection("users").document("ann").get().to_dict()
    assert (counted or {})["open_jobs"] == 0


@within(free=Limits(), capped=Limits(user=daily("0.02")))
def test_a_translation_outside_a_job_is_settled_until_its_rest_is_released(
    store_with: Open, limits: Limits
) -> None:
    store, price = store_with(limits), Decimal("0.006")

    for _ in range(3):
        store.quotas.book_translation("ann", price, NOON, "x")

    for name in ("all.2026-11", "user.ann.2026-11"):
        account = store.account(name).month
        assert account.settled_usd == account.used_usd == 3 * price
        assert not account.open_usd
    if limits.user.are_set:
        with pytest.raises(LimitReached):
            store.quotas.book_translation("ann", price, NOON, "x")

    store.quotas.release_translation("ann", price / 2, NOON, "x")

    for name in ("all.2026-11", "user.ann.2026-11"):
        account = store.account(name).month
        assert account.settled_usd == account.used_usd == Decimal("2.5") * price
        assert not account.open_usd
        (used,) = store.usage(name).days["d22"].values()
        assert used.cost_usd == account.settled_usd
    store.quotas.book_translation("ann", price / 2, NOON, "x")


def test_a_users_translations_are_limited_per_minute(store_with: Open) -> None:
    store = store_with(Limits(max_translations_per_minute=1))
    store.quotas.book_translation("ann", Decimal(0), NOON, "x")

    with pytest.raises(TooManyRequests):
        store.quotas.book_translation("ann", Decimal(0), NOON, "x")

    store.quotas.book_translation("ann", Decimal(0), NOON + 60 * SECOND, "x")
