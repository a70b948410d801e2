"""Creating a job is one commit; the queue may be down."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import chain as one_after_another
from itertools import repeat
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ApiError,
    CommitUncertain,
    Conflict,
    Contended,
    ErrorCode,
    ExceedsLimit,
    GenerationPaused,
    IdempotencyConflict,
    InvalidRequest,
    LimitReached,
    MissingFeature,
    NotOffered,
    TooManyJobs,
    Unreachable,
)
from shared.domain.job import Job, Language
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits
from shared.domain.structs import replace
from shared.domain.webhook import Webhook
from shared.jobs.commit import CONTENTION_BACKOFF
from shared.ports.identity import Caller
from shared.ports.store import TaskQueue
from shared.usecases.create_video import CreateResult
from shared.usecases.uploads import StoreImage
from tests.domain.examples import CHAIN, NOON, a_request
from tests.fakes.jobs import FakeJobs, Trouble
from tests.usecases.harness import ANN, Harness

HOOK = "https://example.com/hook"


def create(harness: Harness, chain: tuple[ProviderId, ...] = CHAIN) -> Job:
    return send(harness, chain=chain).job


def send(
    harness: Harness,
    *,
    chain: tuple[ProviderId, ...] = CHAIN,
    key: str | None = None,
    user: str = "ann",
    keep: StoreImage | None = None,
    **fields: object,
) -> CreateResult:
    use_case = replace(harness.create_video, chain=chain, stop_on_unknown=True)
    caller = Caller(user_id=user, key_id="key1")
    return use_case(caller, a_request(**fields), Language.KOREAN, key, store_image=keep)


def test_a_job_is_committed_with_its_settings_and_enqueued(harness: Harness) -> None:
    job = create(harness, chain=(ProviderId.VEO,))

    assert harness.jobs.all == [job]
    assert (job.user_id, job.language) == ("ann", Language.KOREAN)
    assert [(w.job_id, w.at, w.queue) for w in harness.queue.tasks] == [
        (job.job_id, NOON, TaskQueue.STEPS)
    ]
    assert [planned.provider_id for planned in job.chain] == [ProviderId.VEO]
    assert job.stop_on_unknown
    assert job.deadline_at == NOON + timing.JOB_LIMIT
    assert job.expires_at == NOON + timedelta(days=30)


def test_a_process_books_its_jobs_in_different_shards(harness: Harness) -> None:
    create_video, request = harness.create_video, a_request()

    jobs = [create_video(ANN, request, Language.KOREAN).job for _ in range(3)]

    assert [job.ledger_key.shard for job in jobs] == [0, 1, 2]


def test_a_webhook_belongs_to_the_key_of_its_request(harness: Harness) -> None:
    job = send(harness, webhook_url=HOOK).job

    assert job.webhook == Webhook(key_id="key1")
    assert job.request.webhook_url == HOOK
    assert HOOK not in str(harness.jobs.projections[job.job_id])


def test_a_webhook_that_cannot_be_signed_is_refused(harness: Harness) -> None:
    request, user = a_request(webhook_url=HOOK), Caller(user_id="ann")
    unsigned = replace(harness.create_video, signs_webhooks=False)

    with pytest.raises(InvalidRequest, match="webhook_url: needs_api_key"):
        harness.create_video(user, request, Language.ENGLISH)
    with pytest.raises(NotOffered) as caught:
        unsigned(replace(user, key_id="key1"), request, Language.ENGLISH)

    assert caught.value.reason is MissingFeature.WEBHOOKS
    assert harness.jobs.all == []
    assert unsigned(user, a_request(), Language.ENGLISH).job.webhook is None


def test_a_job_is_created_even_if_the_queue_is_down(harness: Harness) -> None:
    harness.queue.failures = [Unreachable("down")]

    job = create(harness)

    assert harness.jobs.all == [job]
    harness.clock.pause(60)
    assert harness.sweep() == 1
    assert [w.job_id for w in harness.queue.tasks] == [job.job_id]


@pytest.mark.parametrize(
    "troubles",
    [[Trouble.NOT_APPLIED] * (len(CONTENTION_BACKOFF) + 1), [Trouble.UNREACHABLE]],
    ids=["always uncertain", "down"],
)
def test_a_job_whose_commit_is_not_known_to_succeed_is_an_error(
    harness: Harness, troubles: list[Trouble]
) -> None:
    harness.jobs.troubles = list(troubles)

    with pytest.raises(Unreachable):
        create(harness)

    assert harness.queue.tasks == []


@pytest.mark.parametrize(
    "troubles",
    [[Trouble.APPLIED], [Trouble.NOT_APPLIED], [Trouble.NOT_APPLIED, Trouble.APPLIED]],
    ids=", then ".join,
)
@pytest.mark.parametrize("key", [None, "k1"])
def test_an_uncertain_commit_creates_one_job(
    harness: Harness, troubles: list[Trouble], key: str | None
) -> None:
    harness.jobs.troubles = list(troubles)

    job = send(harness, key=key).job

    assert harness.jobs.all == [job]
    assert key is None or send(harness, key=key).job == job


def test_the_same_key_and_body_return_the_current_job(harness: Harness) -> None:
    keep = CountingStore(harness)
    with capture_logs() as logs:
        first = send(harness, key="k1", keep=keep)
        harness.jobs.put(replace(first.job, progress=42))
        again = send(harness, key="k1", prompt="a cat", keep=keep)

    assert (first.replayed, again.replayed) == (False, True)
    assert again.job == replace(first.job, progress=42)
    assert len(harness.queue.tasks) == len(logs) == keep.times == 1
    assert not send(harness, key="k1", user="bob").replayed
    assert not send(harness, key="k2").replayed


def test_a_job_is_admitted_if_a_later_provider_fits(harness: Harness) -> None:
    harness.jobs = FakeJobs(Limits(user=Caps(daily_usd=Decimal("4.40"))))
    chain = (ProviderId.VEO, ProviderId.OMNI, ProviderId.RUNWAY)

    assert create(harness, chain=chain).hold_usd == Decimal("3.20")
    assert create(harness, chain=chain).hold_usd == Decimal("0.80")
    assert create(harness, chain=chain).hold_usd == Decimal("0.40")
    with pytest.raises(LimitReached):
        create(harness, chain=chain)


@pytest.mark.parametrize("trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED])
def test_only_a_cap_lowers_the_hold(harness: Harness, trouble: Trouble) -> None:
    harness.jobs.troubles = [trouble]

    job = create(harness, chain=(ProviderId.VEO, ProviderId.OMNI))

    assert job.hold_usd == Decimal("3.20")


def test_an_uncertain_commit_of_a_lower_hold_creates_one_job(harness: Harness) -> None:
    harness.jobs = FakeJobs(Limits(user=Caps(daily_usd=Decimal("4.00"))))
    chain = (ProviderId.VEO, ProviderId.OMNI)
    create(harness, chain=chain)
    harness.jobs.troubles = [Trouble.NONE, Trouble.APPLIED]

    create(harness, chain=chain)

    assert len(harness.jobs.all) == 2
    assert harness.jobs.accounts["user.ann.2026-11"].month.open_usd == Decimal(4)


class CountingStore:
    """Counts the calls to store an image, and the jobs that existed at the last one."""

    def __init__(self, harness: Harness) -> None:
        self.times = self.jobs_there = 0
        self._harness = harness

    def __call__(self) -> None:
        self.times += 1
        self.jobs_there = len(self._harness.jobs.all)


@pytest.mark.parametrize("trouble", Trouble)
def test_an_image_is_stored_before_its_job(harness: Harness, trouble: Trouble) -> None:
    keep = CountingStore(harness)
    harness.jobs.troubles = [trouble]

    with suppress(Unreachable):
        send(harness, keep=keep)

    assert (keep.times, keep.jobs_there) == (1, 0)


def test_an_image_that_cannot_be_stored_creates_no_job(harness: Harness) -> None:
    def keep() -> None:
        raise Unreachable("down")

    with pytest.raises(Unreachable):
        send(harness, key="k1", keep=keep)

    assert harness.jobs.all == []
    assert not send(harness, key="k1").replayed


def limited(**limits: Any) -> Callable[[Harness], None]:
    def limit(harness: Harness) -> None:
        harness.jobs.limits = Limits(**limits)

    return limit


def unreadable_switch(harness: Harness) -> None:
    harness.switch.read_failures = [Unreachable("down")]


def no_money(harness: Harness) -> None:
    harness.jobs.limits = Limits(user=Caps(daily_usd=Decimal("0.40")))
    send(harness)


def key_of_a_deleted_job(harness: Harness) -> None:
    harness.jobs.remove(send(harness, key="k1").job.job_id)


NO_JOB_ALLOWED, CENT = limited(max_open_jobs=0), Caps(daily_usd=Decimal("0.01"))
REFUSALS: dict[str, tuple[Callable[[Harness], object], type[Exception]]] = {
    "paused": (lambda harness: harness.set_level(Level.PAUSED), GenerationPaused),
    "unreadable switch": (unreadable_switch, Unreachable),
    "no job allowed": (NO_JOB_ALLOWED, TooManyJobs),
    "too many a minute": (limited(max_jobs_per_minute=0), TooManyJobs),
    "above all caps": (limited(user=CENT), ExceedsLimit),
    "no money": (no_money, LimitReached),
    "key of another body": (
        lambda harness: send(harness, key="k1", prompt="a dog"),
        IdempotencyConflict,
    ),
    "key of a deleted job": (key_of_a_deleted_job, Conflict),
}


@pytest.mark.parametrize(("prepare", "refusal"), REFUSALS.values(), ids=REFUSALS)
def test_the_image_of_a_refused_request_is_not_stored(
    harness: Harness, prepare: Callable[[Harness], object], refusal: type[Exception]
) -> None:
    prepare(harness)
    keep, before = CountingStore(harness), harness.jobs.all

    with pytest.raises(refusal):
        send(harness, key="k1", keep=keep)

    assert (keep.times, harness.jobs.all) == (0, before)


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize("prepare", [NO_JOB_ALLOWED, no_money])
def test_the_image_of_a_refused_request_is_freed_with_its_answer(
    harness: Harness, prepare: Callable[[Harness], None]
) -> None:
    """Users at their cap who keep sending large images use up no memory."""
    prepare(harness)
    keep = CountingStore(harness)
    kept = weakref.ref(keep)

    with suppress(LimitReached, TooManyJobs):
        send(harness, keep=keep)
    del keep

    assert kept() is None


def test_a_create_that_always_loses_the_race_creates_nothing(harness: Harness) -> None:
    harness.jobs.troubles = [Trouble.LOST_RACE] * 99

    with pytest.raises(Contended):
        create(harness)

    assert harness.clock.now() - NOON < timedelta(seconds=3)
    assert harness.jobs.all == []


def test_a_job_that_may_exist_is_not_reported_as_refused(harness: Harness) -> None:
    harness.jobs.troubles = [Trouble.NOT_APPLIED, *[Trouble.LOST_RACE] * 99]

    with pytest.raises(Unreachable):
        create(harness)


@pytest.mark.parametrize(
    "refused",
    [LimitReached(ErrorCode.DAILY_LIMIT_REACHED, timedelta(1)), TooManyJobs()],
    ids=["cap", "jobs"],
)
def test_a_refusal_after_an_uncertain_commit_is_not_reported_as_one(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, refused: ApiError
) -> None:
    """The first commit may still send effect."""
    answers: Iterator[Exception]
    answers = one_after_another([CommitUncertain()], repeat(refused))

    def created(*_: object, **__: object) -> None:
        raise next(answers)

    monkeypatch.setattr(harness.jobs, "create", created)

    with pytest.raises(Unreachable):
        create(harness)
