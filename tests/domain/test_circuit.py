"""When a circuit opens, for how long, who may try, and what closes it."""

from datetime import datetime, timedelta

import pytest

from shared.domain import circuit, timing
from shared.domain.catalogue import ProviderId
from shared.domain.circuit import (
    FAULTS_TO_OPEN,
    LONGEST,
    TRIAL,
    Circuit,
    CircuitState,
    Opening,
    Verdict,
)
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from shared.domain.structs import replace
from tests.domain.examples import MINUTE, NOON, SECOND, a_job

CLOSED = Circuit(key="provider.runway")
ACCEPTED = Accepted(task_id="t")
UNKNOWN = Unknown(detail="read timeout")
C = ErrorCode
# A provider whose account is being set up: this job asks it once more.
ASK_AGAIN = Rejected(
    problem=Problem(code=C.PROVIDER_UNAVAILABLE),
    retry_after_seconds=90.0,
    ask_again=True,
)


def planned(provider_id: ProviderId = ProviderId.RUNWAY) -> PlannedProvider:
    (one,) = a_job(chain=(provider_id,)).chain
    return one


def rejected(code: ErrorCode, retry_after_seconds: float | None = None) -> Submission:
    problem = Problem(code=code)
    return Rejected(
        problem=problem,
        retry_after_seconds=retry_after_seconds and float(retry_after_seconds),
    )


def not_sent(code: ErrorCode) -> Submission:
    return NotSent(problem=Problem(code=code))


def opened(
    times: int = 1, *, reason: ErrorCode = C.SUBMISSION_UNKNOWN, key: str = CLOSED.key
) -> Circuit:
    """Opened at noon for a minute, after `times - 1` failed trials."""
    opening = Opening(reason=reason, since=NOON, until=NOON + MINUTE, times=times)
    return Circuit(key=key, opening=opening)


@pytest.mark.parametrize(
    ("submission", "expected"),
    [
        (ACCEPTED, Verdict.HEALTHY),
        (UNKNOWN, Verdict.FAULT),
        (rejected(C.ACCESS_DENIED), Verdict.ACCOUNT_BLOCKED),
        (rejected(C.OUT_OF_CREDITS), Verdict.ACCOUNT_BLOCKED),
        (rejected(C.MODEL_UNAVAILABLE), Verdict.MODEL_GONE),
        (rejected(C.PROVIDER_UNAVAILABLE), Verdict.FAULT),
        (rejected(C.PROVIDER_ERROR), Verdict.FAULT),
        (rejected(C.PROMPT_REFUSED), Verdict.HEALTHY),
        (rejected(C.IMAGE_REFUSED), Verdict.HEALTHY),
        (rejected(C.OUTPUT_FILTERED), Verdict.HEALTHY),
        (rejected(C.INPUT_NOT_ACCEPTED), Verdict.INPUT_REJECTED),
        (rejected(C.RATE_LIMITED), Verdict.INCONCLUSIVE),
        (rejected(C.RATE_LIMITED, 60), Verdict.INCONCLUSIVE),
        (rejected(C.RATE_LIMITED, 61), Verdict.THROTTLED),
        (rejected(C.PROVIDER_UNAVAILABLE, 61), Verdict.THROTTLED),
        (rejected(C.OUT_OF_CREDITS, 3600), Verdict.ACCOUNT_BLOCKED),
        (rejected(C.NOT_CONFIGURED), Verdict.INCONCLUSIVE),
        (ASK_AGAIN, Verdict.FAULT),
        (not_sent(C.PROVIDER_UNAVAILABLE), Verdict.FAULT),
        (not_sent(C.ACCESS_DENIED), Verdict.ACCOUNT_BLOCKED),
        (not_sent(C.PROVIDER_ERROR), Verdict.INCONCLUSIVE),
        (not_sent(C.INPUT_NOT_ACCEPTED), Verdict.INCONCLUSIVE),
    ],
    ids=str,
)
def test_a_submission_says_this_about_its_provider(
    submission: Submission, expected: Verdict
) -> None:
    assert circuit.verdict(submission) is expected


@pytest.mark.parametrize(
    ("submission", "in_a_row", "key"),
    [
        (ACCEPTED, 0, None),
        (rejected(C.RATE_LIMITED), 0, None),
        (rejected(C.RATE_LIMITED, 3600), 0, "vendor.runway"),
        (rejected(C.ACCESS_DENIED), 0, "vendor.runway"),
        (rejected(C.OUT_OF_CREDITS), 0, "vendor.runway"),
        (rejected(C.MODEL_UNAVAILABLE), 0, "model.runway.gen4_turbo"),
        (UNKNOWN, 1, None),
        (UNKNOWN, FAULTS_TO_OPEN - 1, None),
        (UNKNOWN, FAULTS_TO_OPEN, "provider.runway-http"),
        (rejected(C.INPUT_NOT_ACCEPTED), FAULTS_TO_OPEN - 1, None),
        (rejected(C.INPUT_NOT_ACCEPTED), FAULTS_TO_OPEN, "provider.runway-http"),
    ],
    ids=str,
)
def test_a_submission_opens_the_circuit_that_it_is_about(
    submission: Submission, in_a_row: int, key: str | None
) -> None:
    asked = planned(ProviderId.RUNWAY_HTTP)

    assert circuit.key_to_open(asked, submission, in_a_row) == key


@pytest.mark.parametrize("provider_id", ProviderId)
def test_a_start_passes_the_circuits_of_its_vendor_provider_and_model(
    provider_id: ProviderId,
) -> None:
    plan = planned(provider_id)

    assert circuit.keys(plan) == (
        f"vendor.{plan.vendor.value}",
        f"provider.{provider_id.value}",
        f"model.{plan.vendor.value}.{plan.model_id}",
    )


@pytest.mark.parametrize(
    ("reason", "minutes"),
    [
        (C.SUBMISSION_UNKNOWN, [1, 2, 4, 8, 15, 15]),
        (C.PROVIDER_UNAVAILABLE, [1, 2, 4, 8, 15, 15]),
        (C.ACCESS_DENIED, [5, 10, 15, 15]),
        (C.OUT_OF_CREDITS, [5, 10, 15, 15]),
        (C.MODEL_UNAVAILABLE, [5, 10, 15, 15]),
        (C.INPUT_NOT_ACCEPTED, [1, 1, 1]),
    ],
)
def test_each_failed_trial_opens_it_for_longer(
    reason: ErrorCode, minutes: list[int]
) -> None:
    now, state = NOON, CLOSED
    waited = []
    for _ in minutes:
        state = circuit.opened(state, reason, now)
        assert state.opening
        waited.append((state.opening.until - now) / MINUTE)
        now = state.opening.until

    assert waited == minutes
    assert state.opening and state.opening.since == NOON


def test_a_circuit_may_be_open_for_weeks() -> None:
    later = circuit.opened(opened(times=5000), C.OUT_OF_CREDITS, NOON + MINUTE)

    assert later.opening and later.opening.until == NOON + MINUTE + LONGEST


def test_what_was_sent_before_it_opened_does_not_open_it_for_longer() -> None:
    later = circuit.opened(opened(), C.ACCESS_DENIED, NOON + MINUTE - SECOND)

    assert later == opened()


def test_after_it_was_closed_it_opens_briefly_again() -> None:
    again = circuit.opened(circuit.closed(opened(times=9)), C.PROVIDER_ERROR, NOON)

    assert again.opening and again.opening.until == NOON + MINUTE


@pytest.mark.parametrize(
    ("state", "at", "expected"),
    [
        (CLOSED, NOON, CircuitState.CLOSED),
        (opened(), NOON, CircuitState.OPEN),
        (opened(), NOON + MINUTE - SECOND, CircuitState.OPEN),
        (opened(), NOON + MINUTE, CircuitState.HALF_OPEN),
        (circuit.with_trial(opened(), NOON + MINUTE), NOON + MINUTE, CircuitState.OPEN),
        (
            circuit.with_trial(opened(), NOON + MINUTE),
            NOON + MINUTE + TRIAL - SECOND,
            CircuitState.OPEN,
        ),
        (
            circuit.with_trial(opened(), NOON + MINUTE),
            NOON + MINUTE + TRIAL,
            CircuitState.HALF_OPEN,
        ),
        (circuit.with_trial(CLOSED, NOON), NOON, CircuitState.CLOSED),
    ],
    ids=[
        "closed",
        "just opened",
        "a moment before its time is up",
        "its time is up",
        "the trial is claimed",
        "the trial's holder may still come back",
        "the trial expired with its holder",
        "closed while a trial was on its way",
    ],
)
def test_a_start_may_pass(state: Circuit, at: object, expected: CircuitState) -> None:
    assert circuit.state(state, at) is expected  # type: ignore[arg-type] # a time


def test_a_trial_outlives_the_post_that_it_is() -> None:
    assert timing.POST_LIMIT + timedelta(seconds=30) < TRIAL


def after(
    state: Circuit,
    submission: Submission,
    *,
    opens: str | None = None,
    began_at: datetime = NOON + MINUTE,
) -> Circuit:
    """What becomes of `state` a minute and a second after noon."""
    return circuit.after_submission(
        state,
        submission=submission,
        opens=opens,
        began_at=began_at,
        now=NOON + MINUTE + SECOND,
    )


@pytest.mark.parametrize(
    ("submission", "code"),
    [
        (UNKNOWN, C.SUBMISSION_UNKNOWN),
        (rejected(C.ACCESS_DENIED), C.ACCESS_DENIED),
        (rejected(C.MODEL_UNAVAILABLE), C.MODEL_UNAVAILABLE),
        (not_sent(C.PROVIDER_UNAVAILABLE), C.PROVIDER_UNAVAILABLE),
    ],
    ids=str,
)
@pytest.mark.parametrize("key", circuit.keys(planned()))
def test_a_trial_that_failed_in_any_way_opens_all_its_circuits_again(
    key: str, submission: Submission, code: ErrorCode
) -> None:
    again = after(circuit.with_trial(opened(key=key), NOON + MINUTE), submission)

    assert again.opening and (again.opening.times, again.opening.reason) == (2, code)


@pytest.mark.parametrize(
    ("reason", "submission", "closes"),
    [
        (C.SUBMISSION_UNKNOWN, ACCEPTED, True),
        (C.SUBMISSION_UNKNOWN, rejected(C.PROMPT_REFUSED), True),
        (C.SUBMISSION_UNKNOWN, rejected(C.INPUT_NOT_ACCEPTED), True),
        (C.INPUT_NOT_ACCEPTED, rejected(C.INPUT_NOT_ACCEPTED), False),
        (C.INPUT_NOT_ACCEPTED, rejected(C.PROMPT_REFUSED), True),
    ],
    ids=str,
)
def test_a_trial_that_was_answered_closes_the_circuit(
    reason: ErrorCode, submission: Submission, closes: bool
) -> None:
    due = circuit.with_trial(opened(reason=reason), NOON + MINUTE)

    answered = after(due, submission)

    assert (answered == replace(due, opening=None)) is closes


def test_a_rate_limit_leaves_the_trial_to_expire() -> None:
    due = circuit.with_trial(opened(), NOON + MINUTE)

    assert after(due, rejected(C.RATE_LIMITED)) == due


@pytest.mark.parametrize("submission", [ACCEPTED, UNKNOWN], ids=str)
@pytest.mark.parametrize("before", [timedelta(0), SECOND])
def test_an_answer_to_a_start_from_before_the_opening_changes_nothing(
    submission: Submission, before: timedelta
) -> None:
    assert after(opened(), submission, began_at=NOON - before) == opened()


def test_a_fault_opens_only_the_circuit_that_is_named() -> None:
    assert after(CLOSED, UNKNOWN) == CLOSED
    assert after(CLOSED, UNKNOWN, opens="vendor.runway") == CLOSED
    assert after(CLOSED, UNKNOWN, opens=CLOSED.key).opening


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3600, timedelta(hours=1)), (10**9, timing.LONGEST_RETRY_AFTER)],
)
@pytest.mark.parametrize("state", [CLOSED, opened(times=4)], ids=["closed", "trial"])
def test_a_long_retry_after_is_waited_for_before_the_vendor_is_asked_again(
    state: Circuit, seconds: int, expected: timedelta
) -> None:
    opening = after(state, rejected(C.RATE_LIMITED, seconds), opens=state.key).opening

    assert opening and opening.reason is C.RATE_LIMITED
    assert opening.until == NOON + MINUTE + SECOND + expected


def test_a_stopped_start_says_why_and_since_when() -> None:
    problem = circuit.problem(opened(reason=C.OUT_OF_CREDITS, key="vendor.runway"))

    since = "2026-11-22T12:00:00+00:00"
    detail = f"out_of_credits until 12:01: vendor.runway is open since {since}"
    assert problem == Problem(code=C.CIRCUIT_OPEN, detail=detail)
    assert circuit.problem(CLOSED) is None
