"""Before a job ends, whatever the reason, it follows what may have been paid for.

The process may die after any of these steps: the reason is on record, and the next
step finds the same late task or file to follow.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.next_action import LookForOutput, PollTask, next_action
from shared.domain.outcomes import (
    Accepted,
    CancelRequested,
    Failed,
    GaveUp,
    ImageRefused,
    Outcome,
    OutputFound,
    OutputMissing,
    Parked,
    Rejected,
    Revived,
    Skipped,
    Submitted,
    Unknown,
)
from shared.domain.structs import replace
from shared.domain.timing import ATTEMPT_LIMIT
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    DELIVERED,
    FAULT,
    NOON,
    OMNI,
    RUNWAY,
    SECOND,
    VEO,
    a_job,
    answered,
    at_provider,
    due,
    polled,
    running,
    stored,
)

LOST = Unknown(detail="no answer")
LATE = Submitted(attempt_id=str(VEO), submission=Accepted(task_id="task-1"))
GONE = Problem(code=ErrorCode.IMAGE_UNREACHABLE, detail="it is gone")
OVER = NOON + ATTEMPT_LIMIT


def take(job: Job, outcome: Outcome, at: datetime = NOON) -> Job:
    return settle(apply(job, outcome, at), at)


def unknown(**how: object) -> Job:
    """Veo did not answer; Omni is next."""
    return answered(a_job(chain=(VEO, OMNI), **how), VEO, LOST)


def omni_failed(code: ErrorCode) -> Job:
    poll = Failed(problem=Problem(code=code))
    return settle(polled(running(unknown(), OMNI), poll, NOON, OMNI), NOON)


def omni_skipped(code: ErrorCode) -> Job:
    return take(unknown(), Skipped(provider_id=OMNI, problem=Problem(code=code)))


def past_its_deadline(job: Job) -> Job:
    return settle(replace(job, deadline_at=NOON, wake_at=NOON), NOON)


# Each reason that may end the job, and the code it then ends with.
WAYS_OUT: dict[str, tuple[Callable[[], Job], ErrorCode]] = {
    "cancelled": (lambda: take(unknown(), CancelRequested()), ErrorCode.CANCELLED),
    "out of time": (lambda: past_its_deadline(unknown()), ErrorCode.DEADLINE_EXCEEDED),
    "parked until its deadline": (
        lambda: past_its_deadline(take(unknown(), Parked())),
        ErrorCode.GENERATION_PAUSED,
    ),
    "stops on unknown": (
        lambda: unknown(stop_on_unknown=True),
        ErrorCode.SUBMISSION_UNKNOWN,
    ),
    "image refused": (
        lambda: take(unknown(), ImageRefused(problem=GONE)),
        ErrorCode.IMAGE_UNREACHABLE,
    ),
    "over the cap": (
        lambda: omni_skipped(ErrorCode.DAILY_LIMIT_REACHED),
        ErrorCode.DAILY_LIMIT_REACHED,
    ),
    "prompt refused": (
        lambda: omni_failed(ErrorCode.PROMPT_REFUSED),
        ErrorCode.PROMPT_REFUSED,
    ),
    "all failed": (
        lambda: omni_failed(ErrorCode.BAD_OUTPUT),
        ErrorCode.ALL_PROVIDERS_FAILED,
    ),
}


@pytest.fixture(params=WAYS_OUT)
def way_out(request: pytest.FixtureRequest) -> tuple[Job, ErrorCode]:
    make, code = WAYS_OUT[request.param]
    return make(), code


def test_an_unknown_attempts_file_is_delivered(way_out: tuple[Job, ErrorCode]) -> None:
    job, _ = way_out
    assert next_action(job, NOON) == LookForOutput(attempt=at_provider(job, VEO))

    job = take(job, OutputFound(attempt_id=str(VEO), gs_uri="gs://b/a.mp4"))

    assert at_provider(job, VEO).problem is None
    assert take(job, stored(VEO)).delivered == DELIVERED


def test_a_late_task_is_polled_before_the_end(way_out: tuple[Job, ErrorCode]) -> None:
    job = take(way_out[0], LATE)

    assert at_provider(job, VEO).state is AttemptState.RUNNING
    assert isinstance(next_action(job, NOON + 6 * SECOND), PollTask)


def test_without_a_file_the_recorded_reason_counts(
    way_out: tuple[Job, ErrorCode],
) -> None:
    job, code = way_out

    ended = take(job, OutputMissing(attempt_id=str(VEO), looked_at=OVER), OVER)

    assert ended.problem and ended.problem.code is code
    assert at_provider(ended, VEO).written_off


def test_a_late_look_for_a_file_does_not_wake_a_job_that_waits_for_a_vendor() -> None:
    busy = Rejected(problem=Problem(code=ErrorCode.PROVIDER_ERROR), ask_again=True)
    waiting = answered(unknown(), OMNI, busy)

    looked = take(waiting, OutputMissing(attempt_id=str(VEO), looked_at=NOON))

    assert looked.wake_at == waiting.wake_at


def test_only_a_cancelled_job_awaits_no_file(way_out: tuple[Job, ErrorCode]) -> None:
    job, code = way_out

    at = NOON + SECOND
    looked = take(job, OutputMissing(attempt_id=str(VEO), looked_at=at), at)

    assert looked.is_final is (code is ErrorCode.CANCELLED)


@pytest.mark.parametrize(
    ("skips", "code"),
    [
        (
            (ErrorCode.DAILY_LIMIT_REACHED, ErrorCode.NOT_CONFIGURED),
            ErrorCode.DAILY_LIMIT_REACHED,
        ),
        (
            (ErrorCode.NOT_CONFIGURED, ErrorCode.MONTHLY_LIMIT_REACHED),
            ErrorCode.MONTHLY_LIMIT_REACHED,
        ),
        (
            (ErrorCode.NOT_CONFIGURED, ErrorCode.CIRCUIT_OPEN),
            ErrorCode.ALL_PROVIDERS_FAILED,
        ),
    ],
)
def test_a_cap_is_the_jobs_error_if_no_provider_failed(
    skips: tuple[ErrorCode, ErrorCode], code: ErrorCode
) -> None:
    job = a_job(chain=(VEO, OMNI))
    for provider_id, why in zip((VEO, OMNI), skips, strict=True):
        job = take(job, Skipped(provider_id=provider_id, problem=Problem(code=why)))

    assert job.problem and job.problem.code is code


def test_a_cap_is_not_the_jobs_error_if_a_later_provider_failed() -> None:
    over = Problem(code=ErrorCode.DAILY_LIMIT_REACHED)
    job = take(a_job(chain=(VEO, OMNI)), Skipped(provider_id=VEO, problem=over))

    job = answered(job, OMNI, Rejected(problem=FAULT))

    assert job.problem == Problem(code=ErrorCode.ALL_PROVIDERS_FAILED)


UNANSWERED = {
    "problem": Problem(code=ErrorCode.DEADLINE_EXCEEDED),
    "closing_polls": timing.MAX_CLOSING_POLLS,
    "cancel_tries": timing.MAX_CANCEL_TRIES,
}
UNAVAILABLE = Problem(code=ErrorCode.PROVIDER_UNAVAILABLE)


@pytest.mark.parametrize(
    "left",
    [
        UNANSWERED,
        {"problem": UNAVAILABLE, "unserved_tries": 1, "store_until": NOON},
    ],
    ids=["unanswered", "withheld"],
)
def test_only_a_job_that_is_not_cancelled_waits_for_what_a_vendor_may_still_have(
    left: dict[str, Any],
) -> None:
    job = running(a_job(chain=(RUNWAY,)), RUNWAY)
    failed = replace(job.attempts[0], state=AttemptState.FAILED, ended_at=NOON, **left)
    job = due(job.with_attempt(failed))

    assert next_action(job, NOON) == Revived(attempt_id=RUNWAY)
    [again] = apply(job, Revived(attempt_id=RUNWAY), NOON).attempts
    assert (again.is_open, again.problem, again.ended_at) == (True, None, None)
    cancelled = next_action(replace(job, cancel_requested_at=NOON), NOON)
    assert cancelled == GaveUp(problem=Problem(code=ErrorCode.CANCELLED))


def test_the_withheld_result_that_was_tried_least_is_fetched_first() -> None:
    runway, omni = (
        replace(
            running(a_job(chain=(provider_id,)), provider_id).attempts[0],
            state=AttemptState.FAILED,
            problem=UNAVAILABLE,
            unserved_tries=tries,
        )
        for provider_id, tries in ((RUNWAY, 2), (OMNI, 1))
    )
    job = due(a_job(chain=(RUNWAY, OMNI)))

    for attempts in ((runway, omni), (omni, runway)):
        action = next_action(replace(job, attempts=attempts), NOON)
        assert action == Revived(attempt_id=OMNI)


@pytest.mark.parametrize(
    "left",
    [
        {**UNANSWERED, "polled_at": NOON + timing.JOB_LIMIT},
        {"problem": UNAVAILABLE, "unserved_tries": 0},
        {"problem": UNAVAILABLE, "unserved_tries": timing.MAX_FETCH_TRIES},
        {"problem": Problem(code=ErrorCode.BAD_OUTPUT), "unserved_tries": 1},
    ],
    ids=["polled at the deadline", "no result", "tried often", "not what was ordered"],
)
def test_a_job_ends_if_its_vendor_has_nothing_more_to_hand_out(
    left: dict[str, Any],
) -> None:
    job = running(a_job(chain=(RUNWAY,)), RUNWAY)
    failed = replace(job.attempts[0], state=AttemptState.FAILED, **left)

    action = next_action(due(job.with_attempt(failed)), NOON)

    assert action == GaveUp(problem=Problem(code=ErrorCode.ALL_PROVIDERS_FAILED))
