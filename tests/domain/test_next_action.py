"""What a job needs next, as a table of states, times and actions."""

from datetime import timedelta

import pytest

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Job
from shared.domain.next_action import (
    Action,
    Finished,
    PollTask,
    Prepare,
    Start,
    Store,
    Wait,
    next_action,
)
from shared.domain.outcomes import (
    Accepted,
    CancelRequested,
    CheckStarted,
    GaveUp,
    LeaseExpired,
    Parked,
    PollFailed,
    Submission,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.request import Frame
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    HTTP,
    MINUTE,
    NOON,
    OMNI,
    RUNWAY,
    SECOND,
    VEO,
    a_job,
    a_new_job,
    answered,
    at_provider,
    completed,
    due,
    polled,
    rejected,
    running,
    started,
    storing,
)

UNKNOWN = Unknown(detail="read timeout")
LEASE = timing.LEASE


def kind(action: Action) -> str:
    return type(action).__name__


NEEDS: dict[str, tuple[Job, Action]] = {
    "new": (a_new_job(), Prepare(frame=Frame.FIRST)),
    "prepared": (a_job(), Start(planned=a_job().chain[0])),
    "completed": (completed(a_job(), RUNWAY), Finished()),
    "failed": (a_job().ended(ErrorCode.CANCELLED), Finished()),
    "without a wake_at": (replace(a_job(), wake_at=None), Finished()),
    "not due": (replace(a_job(), wake_at=NOON + MINUTE), Wait(until=NOON + MINUTE)),
    "past its deadline": (
        replace(a_job(), deadline_at=NOON),
        GaveUp(problem=Problem(code=ErrorCode.DEADLINE_EXCEEDED)),
    ),
    "marked as cancelled": (
        replace(a_job(), cancel_requested_at=NOON),
        GaveUp(problem=Problem(code=ErrorCode.CANCELLED)),
    ),
}


@pytest.mark.parametrize(("job", "action"), NEEDS.values(), ids=NEEDS)
def test_without_an_open_attempt_a_job_needs(job: Job, action: Action) -> None:
    assert next_action(job, NOON) == action


def test_a_task_may_come_a_little_early() -> None:
    job = a_job()

    early = NOON - timing.WAKE_TOLERANCE
    assert kind(next_action(job, early)) == "Start"
    assert next_action(job, early - SECOND) == Wait(until=NOON)


@pytest.mark.parametrize(
    ("after", "name"),
    [
        (timedelta(0), "Wait"),
        (LEASE - SECOND, "Wait"),
        (LEASE, "LeaseExpired"),
        (timedelta(days=1), "LeaseExpired"),
    ],
)
def test_a_starting_attempt_is_left_alone_until_its_lease_expires(
    after: timedelta, name: str
) -> None:
    job = started(a_job(), RUNWAY)

    for look in (job, due(job), apply(job, CancelRequested(), NOON)):
        assert kind(next_action(due(look), NOON + after)) == name


def test_an_intents_task_comes_after_its_lease() -> None:
    job = started(a_job(), RUNWAY)

    assert job.wake_at is not None
    assert job.wake_at > at_provider(job, RUNWAY).lease_until == NOON + LEASE


@pytest.mark.parametrize(
    ("left", "name"),
    [
        (timing.MIN_TIME_FOR_AN_ATTEMPT, "Start"),
        (timing.MIN_TIME_FOR_AN_ATTEMPT - SECOND, "GaveUp"),
    ],
)
def test_no_attempt_begins_with_too_little_time(left: timedelta, name: str) -> None:
    job = a_job()

    assert kind(next_action(job, job.deadline_at - left)) == name


def test_polls_of_one_task_are_spaced() -> None:
    job = polled(running(a_job(), RUNWAY), Working())
    spaced = NOON + timing.POLL_SPACING

    assert next_action(due(job), NOON + SECOND) == Wait(until=spaced)
    assert kind(next_action(due(job), spaced)) == "PollTask"


def missed(job: Job, times: int) -> Job:
    for _ in range(times):
        job = polled(job, PollFailed(detail="502"))
    return job


def test_plain_http_keeps_polling_and_fetches_once_it_took_over() -> None:
    job = missed(running(a_job(), RUNWAY), 3)
    seen = polled(job, Working())

    action = next_action(due(seen), NOON + MINUTE)

    assert isinstance(action, PollTask) and action.by is HTTP
    store = next_action(polled(seen, Succeeded()), NOON)
    assert isinstance(store, Store) and store.by is HTTP


def test_a_successful_poll_resets_the_count_of_failed_ones() -> None:
    seen = polled(missed(running(a_job(), RUNWAY), 2), Working())

    assert at_provider(seen, RUNWAY).missed_polls == 0


def test_veo_polls_for_itself_however_often_it_fails() -> None:
    job = running(a_job(chain=(VEO,)), VEO)
    for _ in range(9):
        job = polled(job, PollFailed(detail="503"), NOON, VEO)

    action = next_action(due(job), NOON + MINUTE)

    assert isinstance(action, PollTask) and action.by is VEO


def test_the_code_of_a_skipped_provider_never_ends_the_job() -> None:
    job = settle(a_job(resolution="1080p", chain=(RUNWAY, VEO)), NOON)
    refused = Problem(code=ErrorCode.PROMPT_REFUSED)
    skipped = replace(job.attempts[0], problem=refused)

    assert kind(next_action(replace(job, attempts=(skipped,)), NOON)) == "Start"


@pytest.mark.parametrize(
    ("answer", "name"),
    [(UNKNOWN, "Finished"), (rejected(ErrorCode.INPUT_NOT_ACCEPTED), "Start")],
)
def test_only_an_unknown_outcome_stops_a_job_that_stops_on_those(
    answer: Submission, name: str
) -> None:
    job = answered(a_job(chain=(RUNWAY, VEO), stop_on_unknown=True), RUNWAY, answer)

    assert kind(next_action(job, NOON)) == name


def test_the_next_vendor_is_asked_at_once_and_the_same_one_after_a_delay() -> None:
    limited = rejected(ErrorCode.RATE_LIMITED)
    runway = answered(a_job(), RUNWAY, limited)
    veo = answered(a_job(chain=(VEO, OMNI)), VEO, limited)

    earliest = NOON + timing.SAME_VENDOR_DELAY
    assert next_action(due(runway), NOON) == Wait(until=earliest)
    assert kind(next_action(due(runway), earliest)) == "Start"
    assert kind(next_action(veo, NOON)) == "Start"


def test_a_job_that_resumed_after_a_pause_is_no_longer_parked() -> None:
    parked = apply(a_job(), Parked(), NOON)
    assert next_action(parked, NOON) == Wait(until=NOON + timing.PARK_SPACING)

    later = NOON + timedelta(minutes=2)
    resumed = answered(parked, RUNWAY, Accepted(task_id="t"), later)

    assert not resumed.is_parked


def test_a_second_worker_waits_until_a_check_is_over() -> None:
    job = storing(a_job(), RUNWAY)
    job = due(apply(job, CheckStarted(attempt_id=RUNWAY, is_kept=False), NOON))
    until = job.attempts[0].checking_until
    assert until is not None

    assert next_action(job, until - SECOND) == Wait(until=until)
    assert next_action(job, until) == LeaseExpired(attempt_id=RUNWAY)
