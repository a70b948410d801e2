"""Clients that send again by themselves: one request, one job, one bill."""

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
    ErrorCode,
    GenerationPaused,
    LimitReached,
    TooManyJobs,
)
from shared.domain.job import Job, Language
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits
from shared.domain.request import ClientRetry
from shared.ports.identity import Caller
from shared.ports.store import IdempotencyRecord, Versioned
from shared.usecases.create_video import Taken
from shared.usecases.idempotency import dedup_key_of
from tests.domain.examples import MINUTE, a_request
from tests.fakes.jobs import FakeJobs, Trouble
from tests.usecases.harness import ANN, Harness, create_video

FIRST, AGAIN, ONCE = ClientRetry.FIRST, ClientRetry.AGAIN, ClientRetry.ONCE
SECOND = timedelta(seconds=1)


class Interleaved(FakeJobs):
    """Something else happens between a look at the claims and the create after it.

    Each create takes the next of `meanwhile`.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        self.meanwhile: list[Callable[[], object]] = []

    def create(
        self,
        job: Job,
        record: IdempotencyRecord | None = None,
        *,
        over: Versioned[IdempotencyRecord] | None = None,
    ) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        super().create(job, record, over=over)


def nothing() -> None:
    """Happens."""


@pytest.fixture
def jobs() -> Interleaved:
    return Interleaved()


@pytest.fixture
def harness(jobs: Interleaved) -> Harness:
    return Harness(jobs=jobs)


def send(
    harness: Harness,
    client_retry: ClientRetry,
    *,
    key: str | None = None,
    user: str = "ann",
    **fields: object,
) -> Taken:
    create = create_video(harness)
    caller, request = Caller(user_id=user), a_request(**fields)
    return create(caller, request, Language.ENGLISH, key, client_retry)


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
def test_equal_requests_are_one_job_only_if_one_resends_the_other(
    harness: Harness, sends: list[ClientRetry], jobs_of: list[int]
) -> None:
    taken = [send(harness, client_retry) for client_retry in sends]

    made = [job.job_id for job in harness.jobs.all]
    assert [made.index(t.job.job_id) + 1 for t in taken] == jobs_of
    assert sum(not t.replayed for t in taken) == len(harness.queue.tasks) == len(made)
    assert bool(harness.jobs.idempotency.records) is (sends != [ONCE, ONCE])


@pytest.mark.parametrize("client_retry", [FIRST, AGAIN])
def test_after_15_minutes_a_resend_is_a_new_job(
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
def test_of_two_sendings_on_their_way_at_once_there_is_one_job(
    harness: Harness,
    jobs: Interleaved,
    client_retry: ClientRetry,
    other: ClientRetry,
    before: timedelta | None,
) -> None:
    if before:
        send(harness, FIRST)
        harness.clock.move(before)
    faster: list[Taken] = []
    jobs.meanwhile = [lambda: faster.append(send(harness, other))]

    with capture_logs() as logs:
        slower = send(harness, client_retry)

    assert slower.replayed and slower.job.job_id == faster[0].job.job_id
    assert [line["event"] for line in logs] == ["video_created"]
    assert len(jobs.all) == len(harness.queue.tasks) == 1 + bool(before)


@pytest.mark.parametrize("trouble", [Trouble.NOT_APPLIED, Trouble.LOST_RACE])
def test_a_first_that_tries_again_finds_the_resend_that_overtook_it(
    harness: Harness, jobs: Interleaved, trouble: Trouble
) -> None:
    jobs.troubles = [trouble]
    faster: list[Taken] = []
    jobs.meanwhile = [nothing, lambda: faster.append(send(harness, AGAIN))]

    first = send(harness, FIRST)

    assert first.job.job_id == faster[0].job.job_id
    assert len(jobs.all) == 1


@pytest.mark.parametrize("client_retry", [FIRST, AGAIN])
def test_an_unclear_commit_is_found_again(
    harness: Harness, client_retry: ClientRetry
) -> None:
    harness.jobs.troubles = [Trouble.APPLIED]

    taken = send(harness, client_retry)

    assert harness.jobs.all == [taken.job] == [send(harness, AGAIN).job]


def test_two_honest_requests_at_once_are_two_jobs(
    harness: Harness, jobs: Interleaved
) -> None:
    faster: list[Taken] = []
    jobs.meanwhile = [lambda: faster.append(send(harness, FIRST))]

    slower = send(harness, FIRST)

    assert not slower.replayed
    assert {j.job_id for j in jobs.all} == {slower.job.job_id, faster[0].job.job_id}


def test_a_first_that_was_overtaken_leaves_no_job_for_the_next(
    harness: Harness, jobs: Interleaved
) -> None:
    jobs.meanwhile = [lambda: send(harness, AGAIN)]

    overtaken, honest = send(harness, FIRST), send(harness, FIRST)

    assert (overtaken.replayed, honest.replayed) == (True, False)


@pytest.mark.parametrize(
    "trouble", [Trouble.LOST_RACE, Trouble.UNREACHABLE, Trouble.APPLIED]
)
def test_a_late_first_never_pays_again_whatever_its_mark_comes_to(
    harness: Harness, trouble: Trouble
) -> None:
    resent = send(harness, AGAIN)
    harness.jobs.troubles = [trouble]

    assert send(harness, FIRST).job == resent.job


@pytest.mark.parametrize("gone", ["ended", "deleted", "old"])
def test_a_request_long_after_a_resend_is_a_job_of_its_own(
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


def test_another_name_of_the_same_image_is_the_same_request(harness: Harness) -> None:
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
def test_what_is_not_the_same_request_is_another_job(
    harness: Harness, other: dict[str, Any]
) -> None:
    first = send(harness, FIRST)

    taken = send(harness, AGAIN, **other)

    assert not taken.replayed
    assert taken.job.job_id != first.job.job_id


@pytest.mark.parametrize("client_retry", ClientRetry)
def test_a_key_goes_before_how_often_it_was_sent(
    harness: Harness, client_retry: ClientRetry
) -> None:
    first = send(harness, ONCE, key="k1")
    harness.clock.move(16 * MINUTE)

    assert send(harness, client_retry, key="k1").job == first.job


@pytest.mark.parametrize(
    ("key", "again"), [(None, AGAIN), ("k1", FIRST)], ids=["resent", "with a key"]
)
def test_a_resend_is_answered_whatever_cap_and_switch_say(
    harness: Harness, jobs: Interleaved, key: str | None, again: ClientRetry
) -> None:
    jobs.limits = Limits(user=Caps(daily_usd=Decimal("0.40")))
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
        pytest.param(Limits(most_open_jobs=1), id="one open job allowed"),
        pytest.param(Limits(user=Caps(daily_usd=Decimal("3.20"))), id="room for one"),
    ],
)
@pytest.mark.parametrize(("key", "client_retry"), [(None, FIRST), ("k1", ONCE)])
def test_the_last_room_taken_by_the_request_itself_is_no_refusal(
    harness: Harness,
    jobs: Interleaved,
    limits: Limits,
    key: str | None,
    client_retry: ClientRetry,
) -> None:
    jobs.limits = limits
    faster: list[Taken] = []
    other = client_retry if key else AGAIN
    jobs.meanwhile = [lambda: faster.append(send(harness, other, key=key))]

    slower = send(harness, client_retry, key=key)

    assert slower.replayed and slower.job == faster[0].job


def test_the_last_room_taken_while_the_room_is_looked_at_is_no_refusal(
    harness: Harness, jobs: Interleaved, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.limits = Limits(most_open_jobs=1)
    look = jobs.check_room

    def overtaken(job: Job) -> None:
        send(harness, AGAIN)
        look(job)

    monkeypatch.setattr(jobs, "check_room", overtaken)
    create, ann = create_video(harness), Caller(user_id="ann")
    taken = create(
        ann,
        a_request(),
        Language.ENGLISH,
        client_retry=FIRST,
        keep=lambda: pytest.fail(),
    )

    assert taken.replayed and jobs.all == [taken.job]


def test_a_refused_first_leaves_nothing_to_find(
    harness: Harness, jobs: Interleaved
) -> None:
    jobs.limits = Limits(most_open_jobs=0)
    for client_retry in (FIRST, AGAIN):
        with pytest.raises(TooManyJobs):
            send(harness, client_retry)
    jobs.limits = Limits()

    assert not send(harness, AGAIN).replayed


def test_a_resend_of_a_deleted_job_is_a_conflict(harness: Harness) -> None:
    harness.jobs.remove(send(harness, FIRST).job.job_id)

    with pytest.raises(Conflict):
        send(harness, AGAIN)


def test_a_key_stays_good_when_a_later_version_adds_fields() -> None:
    """The body's hash as it was before there were last frames."""
    asked = a_request(aspect_ratio="9:16")
    before = {
        "prompt": asked.prompt,
        "image_url": asked.image_url,
        "image": None,
        "duration_seconds": 8,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "audio": None,
        "model": "auto",
        "fallback": True,
        "seed": None,
    }

    dedup = dedup_key_of(ANN, asked, "k", ONCE)

    hashed = sha256(json.dumps(before, sort_keys=True).encode()).hexdigest()
    assert dedup and dedup.body_sha256 == hashed
    other = dedup_key_of(ANN, a_request(aspect_ratio="9:16", last_image="a"), "k", ONCE)
    assert other and other.body_sha256 != hashed
