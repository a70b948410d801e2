"""A finished video is fetched, checked and stored, or given up."""

from datetime import datetime
from decimal import Decimal

import pytest

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.next_action import Start, next_action
from shared.domain.outcomes import CheckStarted, LeaseExpired, Succeeded
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    NOON,
    RUNWAY,
    SECOND,
    VEO,
    a_job,
    at_provider,
    polled,
    running,
    state_of,
    states,
    store_failed,
    storing,
)

PRICE = Decimal("0.40")


def missed(job: Job, problem: Problem, at: datetime = NOON) -> Job:
    """The next try to fetch Runway's result fails."""
    return apply(job, store_failed(at_provider(job, RUNWAY), problem, at), at)


BAD = Problem(code=ErrorCode.BAD_OUTPUT)
DOWN = Problem(code=ErrorCode.STORAGE_FAILED)
UNSERVED = Problem(code=ErrorCode.PROVIDER_UNAVAILABLE)


def test_storing_is_tried_again_with_longer_and_longer_pauses() -> None:
    job, waits = storing(a_job(), RUNWAY), []
    for _ in range(8):
        job = missed(job, DOWN)
        assert job.wake_at is not None
        waits.append(int((job.wake_at - NOON).total_seconds()))

    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


@pytest.mark.parametrize("charged", [None, Decimal("0.30"), Decimal("0.50")])
def test_five_bad_outputs_move_on_to_the_next_provider(charged: Decimal | None) -> None:
    job = polled(running(a_job(), RUNWAY), Succeeded(cost_usd=charged))
    for _ in range(4):
        job = missed(job, BAD)
        assert state_of(job, RUNWAY) is AttemptState.STORING

    job = settle(missed(job, BAD), NOON)

    assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]
    assert (job.is_final, job.cost_usd) == (False, charged or PRICE)


def test_a_late_check_of_another_attempts_file_changes_nothing() -> None:
    job = storing(a_job(chain=(RUNWAY, VEO)), RUNWAY)
    for _ in range(timing.MAX_BAD_OUTPUTS):
        job = missed(job, BAD)
    job = storing(job, VEO)

    assert apply(job, CheckStarted(attempt_id=RUNWAY), NOON) is job
    assert apply(job, CheckStarted(attempt_id=VEO), NOON) is not job


def test_a_task_that_stays_gone_for_a_minute_while_storing_moves_on() -> None:
    gone = Problem(code=ErrorCode.PROVIDER_ERROR, detail="the task is gone")
    late = NOON + timing.GONE_LIMIT
    job = missed(storing(a_job(), RUNWAY), gone)
    in_between = missed(job, DOWN)

    assert state_of(missed(in_between, gone, late), RUNWAY) == "storing"
    assert state_of(missed(job, gone, late - SECOND), RUNWAY) == "storing"
    job = settle(missed(job, gone, late), late)

    assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]
    assert job.cost_usd == PRICE


def test_a_task_is_gone_when_its_vendor_says_so_not_when_that_is_committed() -> None:
    gone = Problem(code=ErrorCode.PROVIDER_ERROR, detail="the task is gone")
    job = missed(storing(a_job(), RUNWAY), gone)
    again = store_failed(at_provider(job, RUNWAY), gone, NOON + 5 * SECOND)

    after_an_outage = apply(job, again, NOON + 2 * timing.GONE_LIMIT)

    assert state_of(after_an_outage, RUNWAY) == "storing"


def test_a_bad_file_after_a_long_outage_is_fetched_again() -> None:
    job = storing(a_job(), RUNWAY)
    late = NOON + timing.FETCH_LIMIT

    assert state_of(missed(job, BAD, late), RUNWAY) == "storing"


def test_storage_that_stays_down_for_a_day_ends_the_job() -> None:
    job = storing(a_job(), RUNWAY)
    end = NOON + timing.STORE_LIMIT

    assert not settle(missed(job, DOWN, end - SECOND), end).is_final
    ended = settle(missed(job, DOWN, end), end)
    assert ended.problem == Problem(code=ErrorCode.STORAGE_FAILED)


def test_a_file_that_its_vendor_does_not_serve_moves_on() -> None:
    """Our storage isn't at fault, and there is time for another provider."""
    job = storing(a_job(), RUNWAY)
    end = NOON + timing.FETCH_LIMIT
    for _ in range(timing.MIN_FETCH_TRIES):
        job = missed(job, UNSERVED, end - SECOND)
    assert state_of(job, RUNWAY) == "storing"
    assert state_of(missed(job, DOWN, end), RUNWAY) == "storing"

    after = settle(missed(job, UNSERVED, end), end)

    assert states(after) == [("runway", "failed"), ("runway-http", "skipped")]
    assert isinstance(next_action(after, end), Start)
    assert after.cost_usd == PRICE


def test_an_outage_of_ours_does_not_use_up_the_vendors_time() -> None:
    """After it, a single failed download must not lose what is paid for."""
    job, tries = missed(storing(a_job(), RUNWAY), DOWN), 0
    while state_of(job, RUNWAY) == "storing":
        job = missed(job, UNSERVED, NOON + timing.FETCH_LIMIT)
        tries += 1

    assert tries == timing.MIN_FETCH_TRIES


def checking(job: Job, at: datetime = NOON) -> Job:
    return apply(job, CheckStarted(attempt_id=RUNWAY), at)


def test_a_check_that_fails_after_it_was_given_up_spoils_no_other_check() -> None:
    """Its worker stood still, and another one checks the file meanwhile."""
    job = storing(a_job(), RUNWAY)
    job = job.with_attempt(
        replace(job.attempts[0], bad_outputs=timing.MAX_BAD_OUTPUTS - 1)
    )
    first = checking(job)
    late = NOON + timing.CHECK_LIMIT
    lost = apply(first, LeaseExpired(attempt_id=RUNWAY), late)
    again = late + timing.MAX_BACKOFF
    second = checking(lost, again)

    for now in (lost, second):
        report = store_failed(at_provider(first, RUNWAY), BAD)
        assert apply(now, report, again) is now
    report = store_failed(at_provider(second, RUNWAY), BAD)
    assert state_of(apply(second, report, again), RUNWAY) == "failed"
