"""A request that a client retries by itself creates one job and is paid once."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain.errors import (
    Conflict,
    ConflictReason,
    ErrorCode,
    GenerationPaused,
    LimitReached,
    TooManyJobs,
)
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits
from shared.domain.request import ClientRetry
from shared.ports.identity import Caller
from shared.usecases.create_video import CreateResult
from shared.usecases.idempotency import dedup_key_of
from shared.usecases.uploads import StoreImage
from tests.domain.examples import MINUTE, a_request
from tests.fakes.interpose import before_next
from tests.fakes.jobs import Trouble
from tests.usecases.harness import ANN, Harness

FIRST, AGAIN, ONCE = ClientRetry.FIRST, ClientRetry.AGAIN, ClientRetry.ONCE
SECOND = timedelta(seconds=1)


def meanwhile(harness: Harness, *acts: Callable[[], object]) -> None:
    """Do these before the next creates, after the records were read."""
    before_next(harness.jobs, "create", *acts)


def send(
    harness: Harness,
    client_retry: ClientRetry,
    *,
    key: str | None = None,
    user: str = "ann",
    store_image: StoreImage | None = None,
    **fields: object,
) -> CreateResult:
    caller, request = Caller(user_id=user), a_request(**fields)
    return harness.create_video(
        caller, request, Language.ENGLISH, key, client_retry, store_image=store_image
    )


@pytest.mark.parametrize(
    ("sends", "jobs_of"),
    [
        ([ONCE, ONCE], [1, 2]),
        ([ONCE, AGAIN], [1, 2]),
        ([FIRST, AGAIN], [1, 1]),
        ([AGAIN, AGAIN, AGAIN], [1, 1, 1]),
        ([FIRST, FIRST, AGAIN], [1, 2, 2]),
        ([AGAIN, FIRST, FIRST], [1, 1, 2]),
        ([AGAIN, FIRST, AGAIN, FIRST], [1, 1, 1, 2]),
    ],
    ids=lambda sends: ", ".join(map(str, sends)),
)
def test_equal_requests_are_one_job_only_if_one_is_a_retry(
    harness: Harness, sends: list[ClientRetry], jobs_of: list[int]
) -> None:
    results = [send(harness, client_retry) for client_retry in sends]

    made = [job.job_id for job in harness.jobs.all]
    assert [made.index(t.job.job_id) + 1 for t in results] == jobs_of
    assert sum(not t.replayed for t in results) == len(harness.queue.tasks) == len(made)
    assert bool(harness.jobs.idempotency.records) is (sends != [ONCE, ONCE])


@pytest.mark.parametrize("client_retry", [FIRST, AGAIN])
def test_a_retry_after_15_minutes_is_a_new_job(
    harness: Harness, client_retry: ClientRetry
) -> None:
    first = send(harness, client_retry)
    harness.clock.move(15 * MINUTE)
    assert send(harness, AGAIN).job == first.job
    harness.clock.move(SECOND)

    later = send(harness, AGAIN)

    assert not later.replayed
    assert send(harness, AGAIN).job == later.job


@pytest.mark.parametrize(
    ("client_retry", "other"),
    [(FIRST, AGAIN), (AGAIN, FIRST), (AGAIN, AGAIN)],
    ids=lambda client_retry: str(client_retry),
)
@pytest.mark.parametrize("before", [None, 16 * MINUTE], ids=["new", "over an old one"])
def test_a_request_and_its_concurrent_retry_are_one_job(
    harness: Harness,
    client_retry: ClientRetry,
    other: ClientRetry,
    before: timedelta | None,
) -> None:
    if before:
        send(harness, FIRST)
        harness.clock.move(before)
    faster: list[CreateResult] = []
    meanwhile(harness, lambda: faster.append(send(harness, other)))

    with capture_logs() as logs:
        slower = send(harness, client_retry)

    assert slower.replayed and slower.job.job_id == faster[0].job.job_id
    assert [line["event"] for line in logs] == ["video_created"]
    assert len(harness.jobs.all) == len(harness.queue.tasks) == 1 + bool(before)


@pytest.mark.parametrize("trouble", [Trouble.NOT_APPLIED, Trouble.LOST_RACE])
def test_a_first_request_that_tries_again_finds_the_retry_that_overtook_it(
    harness: Harness, trouble: Trouble
) -> None:
    harness.jobs.troubles = [trouble]
    faster: list[CreateResult] = []
    meanwhile(harness, lambda: None, lambda: faster.append(send(harness, AGAIN)))

    first = send(harness, FIRST)

    assert first.job.job_id == faster[0].job.job_id
    assert len(harness.jobs.all) == 1


@pytest.mark.parametrize("client_retry", [FIRST, AGAIN])
def test_an_uncertain_commit_is_found_by_a_retry(
    harness: Harness, client_retry: ClientRetry
) -> None:
    harness.jobs.troubles = [Trouble.APPLIED]

    result = send(harness, client_retry)

    assert harness.jobs.all == [result.job] == [send(harness, AGAIN).job]


def test_two_concurrent_first_requests_are_two_jobs(harness: Harness) -> None:
    faster: list[CreateResult] = []
    meanwhile(harness, lambda: faster.append(send(harness, FIRST)))

    slower = send(harness, FIRST)

    assert not slower.replayed
    assert {j.job_id for j in harness.jobs.all} == {
        slower.job.job_id,
        faster[0].job.job_id,
    }


def test_an_overtaken_request_does_not_absorb_the_next(harness: Harness) -> None:
    meanwhile(harness, lambda: send(harness, AGAIN))

    overtaken, honest = send(harness, FIRST), send(harness, FIRST)

    assert (overtaken.replayed, honest.replayed) == (True, False)


@pytest.mark.parametrize(
    "trouble", [Trouble.LOST_RACE, Trouble.UNREACHABLE, Trouble.APPLIED]
)
def test_a_late_first_request_never_pays_again_even_if_marking_it_fails(
    harness: Harness, trouble: Trouble
) -> None:
    resent = send(harness, AGAIN)
    harness.jobs.troubles = [trouble]

    assert send(harness, FIRST).job == resent.job


@pytest.mark.parametrize("gone", ["ended", "deleted", "old"])
def test_a_first_request_after_a_retry_is_a_new_job(
    harness: Harness, gone: str
) -> None:
    resent = send(harness, AGAIN).job
    if gone == "ended":
        harness.jobs.put(resent.ended(ErrorCode.BAD_OUTPUT))
    if gone == "deleted":
        harness.jobs.remove(resent.job_id)
    if gone == "old":
        harness.clock.move(15 * MINUTE + SECOND)

    honest = send(harness, FIRST)

    assert not honest.replayed
    assert honest.job.job_id != resent.job_id


def test_one_image_under_two_names_is_the_same_request(harness: Harness) -> None:
    names = [f"{content * 40}-{nth}" for content, nth in ("a1", "a2", "b3")]

    first, again, other = (
        send(harness, AGAIN, image=name, image_url=None) for name in names
    )

    assert (first.job, again.replayed) == (again.job, True)
    assert not other.replayed


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"user": "bob"}, id="another user"),
        pytest.param({"prompt": "a dog"}, id="another body"),
        pytest.param({"metadata": {"order": "2"}}, id="other metadata"),
        pytest.param({"key": "k1"}, id="with a key"),
    ],
)
def test_other_requests_are_new_jobs(harness: Harness, other: dict[str, Any]) -> None:
    first = send(harness, FIRST)

    result = send(harness, AGAIN, **other)

    assert not result.replayed
    assert result.job.job_id != first.job.job_id


@pytest.mark.parametrize("client_retry", ClientRetry)
def test_an_idempotency_key_takes_precedence_over_the_retry_header(
    harness: Harness, client_retry: ClientRetry
) -> None:
    first = send(harness, ONCE, key="k1")
    harness.clock.move(16 * MINUTE)

    assert send(harness, client_retry, key="k1").job == first.job


@pytest.mark.parametrize(
    ("key", "again"), [(None, AGAIN), ("k1", FIRST)], ids=["resent", "with a key"]
)
def test_a_retry_is_answered_whatever_the_caps_and_the_kill_switch_say(
    harness: Harness, key: str | None, again: ClientRetry
) -> None:
    harness.jobs.limits = Limits(user=Caps(daily_usd=Decimal("0.40")))
    first = send(harness, FIRST, key=key)

    with pytest.raises(LimitReached):
        send(harness, FIRST)
    harness.set_level(Level.PAUSED)
    with pytest.raises(GenerationPaused):
        send(harness, FIRST)

    assert send(harness, again, key=key).job == first.job


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(max_open_jobs=1), id="one open job allowed"),
        pytest.param(Limits(user=Caps(daily_usd=Decimal("3.20"))), id="room for one"),
    ],
)
@pytest.mark.parametrize(("key", "client_retry"), [(None, FIRST), ("k1", ONCE)])
def test_a_cap_filled_by_the_same_request_does_not_refuse_it(
    harness: Harness,
    limits: Limits,
    key: str | None,
    client_retry: ClientRetry,
) -> None:
    harness.jobs.limits = limits
    faster: list[CreateResult] = []
    other = client_retry if key else AGAIN
    meanwhile(harness, lambda: faster.append(send(harness, other, key=key)))

    slower = send(harness, client_retry, key=key)

    assert slower.replayed and slower.job == faster[0].job


def test_a_cap_filled_by_the_retry_during_the_check_does_not_refuse_the_first(
    harness: Harness,
) -> None:
    harness.jobs.limits = Limits(max_open_jobs=1)
    before_next(harness.jobs, "check_room", lambda: send(harness, AGAIN))

    result = send(harness, FIRST, store_image=lambda: pytest.fail())

    assert result.replayed and harness.jobs.all == [result.job]


def test_a_refused_request_leaves_no_record(harness: Harness) -> None:
    harness.jobs.limits = Limits(max_open_jobs=0)
    for client_retry in (FIRST, AGAIN):
        with pytest.raises(TooManyJobs):
            send(harness, client_retry)
    harness.jobs.limits = Limits()

    assert not send(harness, AGAIN).replayed


def test_a_retry_for_a_deleted_job_is_a_conflict(harness: Harness) -> None:
    harness.jobs.remove(send(harness, FIRST).job.job_id)

    with pytest.raises(Conflict) as refused:
        send(harness, AGAIN)

    assert refused.value.reason is ConflictReason.JOB_DELETED


def test_the_key_of_an_expired_job_is_that_of_a_deleted_one(harness: Harness) -> None:
    """Whether it delivered or failed, on either route: a `GET` no longer finds it."""
    job = send(harness, ONCE, key="k").job
    harness.clock.move_to(job.expires_at)

    with pytest.raises(Conflict) as refused:
        send(harness, ONCE, key="k")

    assert refused.value.reason is ConflictReason.JOB_DELETED


def test_no_key_of_a_callers_own_names_the_record_of_a_retry() -> None:
    retry = dedup_key_of(ANN, a_request(), None, AGAIN)
    assert retry
    own = dedup_key_of(ANN, a_request(), retry.body_sha256, ONCE)
    assert own and own.name != retry.name


def test_a_record_keeps_its_name_across_releases() -> None:
    """Else a request that is sent again after a deploy would be paid twice."""

    def named(*parts: str) -> str:
        return sha256(json.dumps(parts).encode()).hexdigest()

    key = dedup_key_of(ANN, a_request(), "k", ONCE)
    retry = dedup_key_of(ANN, a_request(), None, AGAIN)

    assert key and key.name == named("ann", "k")
    assert retry and retry.name == named("ann", "resend", retry.body_sha256)


def test_a_key_stays_valid_when_a_later_release_adds_fields() -> None:
    """The body's hash is the one from before last frames existed."""
    request = a_request(aspect_ratio="9:16")
    before = {
        "prompt": request.prompt,
        "image_url": request.image_url,
        "image": None,
        "duration_seconds": 8,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "audio": None,
        "model": "auto",
        "fallback": True,
        "seed": None,
    }

    dedup = dedup_key_of(ANN, request, "k", ONCE)

    hashed = sha256(json.dumps(before, sort_keys=True).encode()).hexdigest()
    assert dedup and dedup.body_sha256 == hashed
    hook = "https://example.com/hook"
    for used in ({"last_image": "a"}, {"webhook_url": hook}, {"translate": "off"}):
        other = dedup_key_of(ANN, a_request(aspect_ratio="9:16", **used), "k", ONCE)
        assert other and other.body_sha256 != hashed
