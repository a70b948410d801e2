"""Clients that send again by themselves: one request, one job, one bill."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

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
from shared.domain.request import Sending
from shared.ports import Caller, Claim, ClaimSnapshot
from shared.usecases.create_video import Taken
from tests.domain.examples import MINUTE, a_request
from tests.fakes.jobs import FakeJobs, Trouble
from tests.usecases.stage import Stage, create_video

FIRST, AGAIN, ONCE = Sending.FIRST, Sending.AGAIN, Sending.ONCE
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
        claim: Claim | None = None,
        *,
        over: ClaimSnapshot | None = None,
    ) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        super().create(job, claim, over=over)


def nothing() -> None:
    """Happens."""


@pytest.fixture
def jobs() -> Interleaved:
    return Interleaved()


@pytest.fixture
def stage(jobs: Interleaved) -> Stage:
    return Stage(jobs=jobs)


def send(
    stage: Stage,
    sending: Sending,
    *,
    key: str | None = None,
    user: str = "ann",
    **fields: object,
) -> Taken:
    create = create_video(stage)
    caller, request = Caller(user_id=user), a_request(**fields)
    return create(caller, request, Language.ENGLISH, key, sending)


def test_what_is_sent_again_is_the_job_of_the_first(stage: Stage) -> None:
    first = send(stage, FIRST)
    stage.clock.move(15 * MINUTE)

    again = send(stage, AGAIN)

    assert (first.replayed, again.replayed) == (False, True)
    assert again.job == first.job
    assert len(stage.jobs.all) == len(stage.queue.wakes) == 1


def test_every_resend_of_a_first_that_never_came_is_one_job(stage: Stage) -> None:
    taken = [send(stage, AGAIN) for _ in range(3)]

    assert [t.replayed for t in taken] == [False, True, True]
    assert stage.jobs.all == [taken[0].job]


@pytest.mark.parametrize(
    ("sending", "other"),
    [(FIRST, AGAIN), (AGAIN, FIRST), (AGAIN, AGAIN)],
    ids=lambda sending: str(sending),
)
@pytest.mark.parametrize("before", [None, 16 * MINUTE], ids=["new", "over an old one"])
def test_of_two_sendings_on_their_way_at_once_there_is_one_job(
    stage: Stage,
    jobs: Interleaved,
    sending: Sending,
    other: Sending,
    before: timedelta | None,
) -> None:
    if before:
        send(stage, FIRST)
        stage.clock.move(before)
    faster: list[Taken] = []
    jobs.meanwhile = [lambda: faster.append(send(stage, other))]

    slower = send(stage, sending)

    assert slower.replayed and slower.job.job_id == faster[0].job.job_id
    assert len(jobs.all) == len(stage.queue.wakes) == 1 + bool(before)


@pytest.mark.parametrize("trouble", [Trouble.NOT_APPLIED, Trouble.LOST_RACE])
def test_a_first_that_tries_again_finds_the_resend_that_overtook_it(
    stage: Stage, jobs: Interleaved, trouble: Trouble
) -> None:
    jobs.troubles = [trouble]
    faster: list[Taken] = []
    jobs.meanwhile = [nothing, lambda: faster.append(send(stage, AGAIN))]

    first = send(stage, FIRST)

    assert first.job.job_id == faster[0].job.job_id
    assert len(jobs.all) == 1


@pytest.mark.parametrize("sending", [FIRST, AGAIN])
def test_an_unclear_commit_is_found_again(stage: Stage, sending: Sending) -> None:
    stage.jobs.troubles = [Trouble.APPLIED]

    taken = send(stage, sending)

    assert stage.jobs.all == [taken.job] == [send(stage, AGAIN).job]


def test_two_honest_requests_that_are_equal_are_two_jobs(stage: Stage) -> None:
    first, second = send(stage, FIRST), send(stage, FIRST)

    assert first.job.job_id != second.job.job_id
    assert send(stage, AGAIN).job == second.job


def test_two_honest_requests_at_once_are_two_jobs(
    stage: Stage, jobs: Interleaved
) -> None:
    faster: list[Taken] = []
    jobs.meanwhile = [lambda: faster.append(send(stage, FIRST))]

    slower = send(stage, FIRST)

    assert not slower.replayed
    assert {j.job_id for j in jobs.all} == {slower.job.job_id, faster[0].job.job_id}


def test_a_first_that_comes_after_its_resend_gets_its_job_once(stage: Stage) -> None:
    resent = send(stage, AGAIN)

    late, honest = send(stage, FIRST), send(stage, FIRST)

    assert (late.replayed, late.job) == (True, resent.job)
    assert not honest.replayed
    assert honest.job.job_id != resent.job.job_id


def test_a_resend_after_a_late_first_still_finds_the_job(stage: Stage) -> None:
    taken = [send(stage, sending) for sending in (AGAIN, FIRST, AGAIN)]

    assert {t.job.job_id for t in taken} == {stage.jobs.all[0].job_id}
    assert not send(stage, FIRST).replayed


def test_a_first_that_was_overtaken_leaves_no_job_for_the_next(
    stage: Stage, jobs: Interleaved
) -> None:
    jobs.meanwhile = [lambda: send(stage, AGAIN)]

    overtaken, honest = send(stage, FIRST), send(stage, FIRST)

    assert (overtaken.replayed, honest.replayed) == (True, False)


@pytest.mark.parametrize(
    "trouble", [Trouble.LOST_RACE, Trouble.UNREACHABLE, Trouble.APPLIED]
)
def test_a_late_first_never_pays_again_whatever_its_mark_comes_to(
    stage: Stage, trouble: Trouble
) -> None:
    resent = send(stage, AGAIN)
    stage.jobs.troubles = [trouble]

    assert send(stage, FIRST).job == resent.job


@pytest.mark.parametrize("gone", ["ended", "deleted", "old"])
def test_a_request_long_after_a_resend_is_a_job_of_its_own(
    stage: Stage, gone: str
) -> None:
    resent = send(stage, AGAIN).job
    if gone == "ended":
        stage.jobs.put(resent.ended(ErrorCode.BAD_OUTPUT))
    if gone == "deleted":
        stage.jobs.remove(resent.job_id)
    if gone == "old":
        stage.clock.move(15 * MINUTE + SECOND)

    honest = send(stage, FIRST)

    assert not honest.replayed
    assert honest.job.job_id != resent.job_id


def test_another_name_of_the_same_picture_is_the_same_request(stage: Stage) -> None:
    names = [f"{content * 40}-{nth}" for content, nth in ("a1", "a2", "b3")]

    first, again, other = (
        send(stage, AGAIN, image=name, image_url=None) for name in names
    )

    assert (first.job, again.replayed) == (again.job, True)
    assert not other.replayed


@pytest.mark.parametrize("sending", [FIRST, AGAIN])
def test_after_15_minutes_a_resend_is_a_new_job(stage: Stage, sending: Sending) -> None:
    first = send(stage, sending)
    stage.clock.move(15 * MINUTE + SECOND)

    later = send(stage, AGAIN)

    assert not later.replayed
    assert later.job.job_id != first.job.job_id
    assert send(stage, AGAIN).job == later.job


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"user": "bob"}, id="another user"),
        pytest.param({"prompt": "a dog"}, id="another body"),
        pytest.param({"key": "k1"}, id="with a key"),
    ],
)
def test_what_is_not_the_same_request_is_another_job(
    stage: Stage, other: dict[str, str]
) -> None:
    first = send(stage, FIRST)

    taken = send(stage, AGAIN, **other)

    assert not taken.replayed
    assert taken.job.job_id != first.job.job_id


@pytest.mark.parametrize("sending", Sending)
def test_a_key_goes_before_how_often_it_was_sent(
    stage: Stage, sending: Sending
) -> None:
    first = send(stage, ONCE, key="k1")
    stage.clock.move(16 * MINUTE)

    assert send(stage, sending, key="k1").job == first.job


def test_what_is_sent_once_leaves_no_trace(stage: Stage) -> None:
    once = send(stage, ONCE)

    assert stage.jobs.claims == {}
    assert send(stage, AGAIN).job.job_id != once.job.job_id


def test_a_resend_is_answered_whatever_cap_and_switch_say(
    stage: Stage, jobs: Interleaved
) -> None:
    jobs.limits = Limits(user=Caps(daily_usd=Decimal("3.20")))
    first = send(stage, FIRST)

    with pytest.raises(LimitReached):
        send(stage, FIRST)
    stage.set_level(Level.PAUSED)
    with pytest.raises(GenerationPaused):
        send(stage, FIRST)

    assert send(stage, AGAIN).job == first.job


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(most_open_jobs=1), id="one open job allowed"),
        pytest.param(Limits(user=Caps(daily_usd=Decimal("3.20"))), id="room for one"),
    ],
)
@pytest.mark.parametrize(("key", "sending"), [(None, FIRST), ("k1", ONCE)])
def test_the_last_room_taken_by_the_request_itself_is_no_refusal(
    stage: Stage, jobs: Interleaved, limits: Limits, key: str | None, sending: Sending
) -> None:
    jobs.limits = limits
    faster: list[Taken] = []
    other = sending if key else AGAIN
    jobs.meanwhile = [lambda: faster.append(send(stage, other, key=key))]

    slower = send(stage, sending, key=key)

    assert slower.replayed and slower.job == faster[0].job


def test_the_last_room_taken_while_the_room_is_looked_at_is_no_refusal(
    stage: Stage, jobs: Interleaved, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.limits = Limits(most_open_jobs=1)
    look = jobs.check_room

    def overtaken(job: Job) -> None:
        send(stage, AGAIN)
        look(job)

    monkeypatch.setattr(jobs, "check_room", overtaken)
    create, ann = create_video(stage), Caller(user_id="ann")
    taken = create(
        ann, a_request(), Language.ENGLISH, sending=FIRST, keep=lambda: pytest.fail()
    )

    assert taken.replayed and jobs.all == [taken.job]


def test_a_refused_first_leaves_nothing_to_find(
    stage: Stage, jobs: Interleaved
) -> None:
    jobs.limits = Limits(most_open_jobs=0)
    for sending in (FIRST, AGAIN):
        with pytest.raises(TooManyJobs):
            send(stage, sending)
    jobs.limits = Limits()

    assert not send(stage, AGAIN).replayed


def test_a_resend_of_a_deleted_job_is_a_conflict(stage: Stage) -> None:
    stage.jobs.remove(send(stage, FIRST).job.job_id)

    with pytest.raises(Conflict):
        send(stage, AGAIN)
