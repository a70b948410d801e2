"""What a job needs next: the table of states, times and actions."""

from datetime import timedelta

import pytest

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.next_action import (
    Action,
    Ask,
    Cancel,
    LookForOutput,
    Nothing,
    Prepare,
    Start,
    Store,
    Wait,
    next_action,
)
from shared.domain.outcomes import (
    Accepted,
    CancelRequested,
    Failed,
    GaveUp,
    OutputMissing,
    Parked,
    Polled,
    PollFailed,
    Rejected,
    Revived,
    Submitted,
    Unknown,
    Working,
)
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    FAULT,
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
    running,
    started,
    states,
    storing,
)

UNKNOWN = Unknown(detail="read timeout")
LEASE = timing.LEASE


def due(job: Job) -> Job:
    """As if a task came now, whatever the job's own schedule."""
    return replace(job, wake_at=NOON)


def kind(action: Action) -> str:
    return type(action).__name__


def cancelling() -> Job:
    marked = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
    return apply(marked, Polled(attempt_id=str(RUNWAY), poll=Working()), NOON)


@pytest.mark.parametrize(
    ("job", "action"),
    [
        (a_new_job(), Prepare()),
        (a_job(), Start(planned=a_job().chain[0])),
        (completed(a_job(), RUNWAY), Nothing()),
        (a_job().ended(ErrorCode.CANCELLED), Nothing()),
        (replace(a_job(), wake_at=None), Nothing()),
        (replace(a_job(), wake_at=NOON + MINUTE), Wait(until=NOON + MINUTE)),
        (
            replace(a_job(), deadline_at=NOON),
            GaveUp(problem=Problem(code=ErrorCode.DEADLINE_EXCEEDED)),
        ),
        (
            replace(a_job(), cancel_requested_at=NOON),
            GaveUp(problem=Problem(code=ErrorCode.CANCELLED)),
        ),
    ],
    ids=[
        "new",
        "prepared",
        "completed",
        "failed",
        "without a wake",
        "not due",
        "past its deadline",
        "marked as cancelled",
    ],
)
def test_without_an_open_attempt_a_job_needs(job: Job, action: Action) -> None:
    assert next_action(job, NOON) == action


@pytest.mark.parametrize(
    ("job", "name"),
    [
        (due(running(a_job(), RUNWAY)), "Ask"),
        (cancelling(), "Cancel"),
        (storing(a_job(), RUNWAY), "Store"),
    ],
)
def test_an_open_attempt_needs(job: Job, name: str) -> None:
    action = next_action(job, NOON)

    assert kind(action) == name
    assert isinstance(action, Ask | Cancel | Store)
    assert (action.attempt.provider_id, action.by) == (RUNWAY, RUNWAY)


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
def test_nobody_touches_a_starting_attempt_before_its_lease_is_over(
    after: timedelta, name: str
) -> None:
    job = started(a_job(), RUNWAY)

    for look in (job, due(job), apply(job, CancelRequested(), NOON)):
        assert kind(next_action(due(look), NOON + after)) == name


def test_the_task_of_an_intent_comes_after_its_lease() -> None:
    job = started(a_job(), RUNWAY)

    assert job.wake_at is not None
    assert job.wake_at > at_provider(job, RUNWAY).lease_until == NOON + LEASE


def test_a_lease_outlasts_the_post_and_ends_the_attempt_as_unknown() -> None:
    assert timing.LEASE > timing.POST_LIMIT

    job = settle(started(a_job(), RUNWAY), NOON + LEASE + SECOND)

    assert states(job) == [("runway", "unknown"), ("runway-http", "skipped")]
    assert at_provider(job, RUNWAY).cost_usd == at_provider(job, RUNWAY).price_usd


@pytest.mark.parametrize(
    ("left", "name"),
    [
        (timing.LEAST_TIME_FOR_AN_ATTEMPT, "Start"),
        (timing.LEAST_TIME_FOR_AN_ATTEMPT - SECOND, "GaveUp"),
    ],
)
def test_no_attempt_begins_with_too_little_time_left(
    left: timedelta, name: str
) -> None:
    job = a_job()

    assert kind(next_action(job, job.deadline_at - left)) == name


def test_polls_of_one_task_are_spaced() -> None:
    job = apply(
        running(a_job(), RUNWAY), Polled(attempt_id=RUNWAY, poll=Working()), NOON
    )
    spaced = NOON + timing.POLL_SPACING

    assert next_action(due(job), NOON + SECOND) == Wait(until=spaced)
    assert kind(next_action(due(job), spaced)) == "Ask"


def missed(job: Job, times: int) -> Job:
    for _ in range(times):
        job = apply(job, Polled(attempt_id=RUNWAY, poll=PollFailed(detail="502")), NOON)
    return job


@pytest.mark.parametrize(("times", "by"), [(0, RUNWAY), (2, RUNWAY), (3, HTTP)])
def test_plain_http_polls_after_the_sdk_has_missed_three_times(
    times: int, by: ProviderId
) -> None:
    job = missed(running(a_job(), RUNWAY), times)

    action = next_action(due(job), NOON + MINUTE)

    assert isinstance(action, Ask)
    assert (action.attempt.provider_id, action.by) == (RUNWAY, by)


def test_plain_http_keeps_the_polls_it_took_over() -> None:
    job = missed(running(a_job(), RUNWAY), 3)
    seen = apply(job, Polled(attempt_id=RUNWAY, poll=Working()), NOON)

    action = next_action(due(seen), NOON + MINUTE)

    assert isinstance(action, Ask) and action.by is HTTP


def test_a_poll_of_the_sdk_that_worked_forgets_the_missed_ones() -> None:
    job = missed(running(a_job(), RUNWAY), 2)
    seen = apply(job, Polled(attempt_id=RUNWAY, poll=Working()), NOON)

    assert at_provider(seen, RUNWAY).missed_polls == 0


def test_veo_polls_for_itself_however_often_it_misses() -> None:
    job = running(a_job(chain=(VEO,)), VEO)
    for _ in range(9):
        job = apply(job, Polled(attempt_id=VEO, poll=PollFailed(detail="503")), NOON)

    action = next_action(due(job), NOON + MINUTE)

    assert isinstance(action, Ask) and action.by is VEO


def test_a_skipped_provider_does_not_end_the_job_by_the_code_it_was_skipped_for() -> (
    None
):
    job = settle(a_job(resolution="1080p", chain=(RUNWAY, VEO)), NOON)
    refused = Problem(code=ErrorCode.PROMPT_REFUSED)
    odd = replace(job.attempts[0], problem=refused)

    assert kind(next_action(replace(job, attempts=(odd,)), NOON)) == "Start"


def test_the_next_vendor_is_asked_at_once_and_the_same_one_after_a_delay() -> None:
    limited = Rejected(problem=Problem(code=ErrorCode.RATE_LIMITED))
    runway = answered(a_job(), RUNWAY, limited)
    veo = answered(a_job(chain=(VEO, OMNI)), VEO, limited)

    earliest = NOON + timing.SAME_VENDOR_DELAY
    assert next_action(due(runway), NOON) == Wait(until=earliest)
    assert kind(next_action(due(runway), earliest)) == "Start"
    assert kind(next_action(veo, NOON)) == "Start"


@pytest.mark.parametrize(
    ("chain", "code"),
    [
        ((VEO, OMNI), ErrorCode.DEADLINE_EXCEEDED),
        ((VEO,), ErrorCode.DEADLINE_EXCEEDED),
    ],
    ids=["a provider was not asked", "all were asked"],
)
def test_it_is_looked_at_once_more_when_the_jobs_time_is_up(
    chain: tuple[ProviderId, ...], code: ErrorCode
) -> None:
    job = answered(a_job(chain=chain), VEO, UNKNOWN)
    late = job.deadline_at

    assert next_action(job, late) == LookForOutput(attempt=at_provider(job, VEO))

    missing = OutputMissing(attempt_id=VEO, looked_at=late)
    after = settle(apply(job, missing, late), late)
    assert after.problem == Problem(code=code)


def test_it_is_looked_at_where_no_time_is_left_for_another_attempt() -> None:
    job = answered(a_job(chain=(VEO, OMNI)), VEO, UNKNOWN)

    assert kind(next_action(job, job.deadline_at - MINUTE)) == "LookForOutput"


@pytest.mark.parametrize("provider_id", [RUNWAY, HTTP])
def test_other_vendors_write_nothing_that_could_be_looked_for(
    provider_id: ProviderId,
) -> None:
    job = answered(a_job(chain=(provider_id,)), provider_id, UNKNOWN)

    assert job.problem == Problem(code=ErrorCode.ALL_PROVIDERS_FAILED)


def test_a_file_that_cannot_come_is_not_waited_for() -> None:
    job = answered(a_job(chain=(OMNI,)), OMNI, UNKNOWN)
    assert next_action(job, NOON) == LookForOutput(attempt=at_provider(job, OMNI))

    missing = OutputMissing(attempt_id=OMNI, looked_at=NOON, is_final=True)
    after = settle(apply(job, missing, NOON), NOON)

    assert after.problem == Problem(code=ErrorCode.ALL_PROVIDERS_FAILED)


def test_a_late_answer_is_followed_before_another_provider_is_asked() -> None:
    job = settle(started(a_job(), RUNWAY), NOON + LEASE)
    on_veo = started(job, VEO, NOON + LEASE)
    late = Submitted(attempt_id=RUNWAY, submission=Accepted(task_id="late"))
    told = apply(on_veo, late, NOON + LEASE)
    assert kind(next_action(told, NOON + LEASE)) == "Wait"

    refused = Rejected(problem=Problem(code=ErrorCode.RATE_LIMITED))
    free = apply(told, Submitted(attempt_id=VEO, submission=refused), NOON + LEASE)

    assert next_action(free, NOON + LEASE) == Revived(attempt_id=str(RUNWAY))


def test_when_all_have_failed_the_job_ends() -> None:
    job = a_job(chain=(OMNI, RUNWAY))
    for provider_id in (OMNI, RUNWAY):
        ended = Polled(attempt_id=provider_id, poll=Failed(problem=FAULT))
        job = settle(apply(running(job, provider_id), ended, NOON), NOON)

    assert job.problem == Problem(code=ErrorCode.ALL_PROVIDERS_FAILED)
    assert job.wake_at is None
    assert [a.state for a in job.attempts] == [AttemptState.FAILED] * 2


def test_a_parked_job_is_looked_at_again_in_a_minute() -> None:
    parked = apply(a_job(), Parked(), NOON)

    assert kind(next_action(parked, NOON + 30 * SECOND)) == "Wait"
    assert kind(next_action(parked, NOON + 61 * SECOND)) == "Start"


def test_a_job_that_went_on_after_a_pause_is_parked_no_more() -> None:
    parked = apply(a_job(), Parked(), NOON)

    later = NOON + timedelta(minutes=2)
    asked = answered(parked, RUNWAY, Accepted(task_id="t"), later)

    assert not asked.is_parked


def test_what_is_already_asked_is_not_parked() -> None:
    asked = answered(a_job(), RUNWAY, Accepted(task_id="t"))

    assert apply(asked, Parked(), NOON + 30 * SECOND) is asked
    assert settle(asked, NOON) == asked
    assert not isinstance(next_action(asked, NOON + 30 * SECOND), GaveUp)
