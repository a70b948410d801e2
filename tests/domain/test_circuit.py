"""When a circuit opens and for how long, who may run its trial, what closes it."""

from datetime import datetime, timedelta

import pytest

from shared.domain import circuit, timing
from shared.domain.catalogue import ProviderId
from shared.domain.circuit import (
    FAULTS_TO_OPEN,
    MAX_OPENING,
    TRIAL_CLAIM,
    Circuit,
    CircuitState,
    Opening,
    Verdict,
)
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Accepted, NotSent, Submission, Unknown
from shared.domain.structs import replace
from tests.domain.examples import MINUTE, NOON, SECOND, a_job, rejected

CLOSED = Circuit(key="provider.runway")
ACCEPTED = Accepted(task_id="t")
UNKNOWN = Unknown(detail="read timeout")
C = ErrorCode
# As from a provider whose account is still being set up: the job asks it once more.
ASK_AGAIN = rejected(C.PROVIDER_UNAVAILABLE, 90.0, ask_again=True)


def planned(provider_id: ProviderId = ProviderId.RUNWAY) -> PlannedProvider:
    (one,) = a_job(chain=(provider_id,)).chain
    return one


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
def test_a_submission_has_a_verdict_about_its_provider(
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
    provider = planned(ProviderId.RUNWAY_HTTP)

    assert circuit.key_to_open(provider, submission, in_a_row) == key


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
def test_failed_trials_open_it_for_longer(
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

    assert later.opening and later.opening.until == NOON + MINUTE + MAX_OPENING


def test_a_fault_while_the_circuit_is_open_does_not_extend_it() -> None:
    later = circuit.opened(opened(), C.ACCESS_DENIED, NOON + MINUTE - SECOND)

    assert later == opened()


UNTIL = NOON + MINUTE
TRIED = circuit.with_trial(opened(), UNTIL)
# A circuit opened at noon until `UNTIL`, and as what it is seen at a time.
SEEN = {
    "closed": (CLOSED, NOON, CircuitState.CLOSED),
    "just opened": (opened(), NOON, CircuitState.OPEN),
    "a moment before its time is up": (opened(), UNTIL - SECOND, CircuitState.OPEN),
    "its time is up": (opened(), UNTIL, CircuitState.HALF_OPEN),
    "the trial is claimed": (TRIED, UNTIL, CircuitState.OPEN),
    "its holder may return": (
        TRIED,
        UNTIL + TRIAL_CLAIM - SECOND,
        CircuitState.OPEN,
    ),
    "it expired with its holder": (TRIED, UNTIL + TRIAL_CLAIM, CircuitState.HALF_OPEN),
    "closed while a trial was on its way": (
        circuit.with_trial(CLOSED, NOON),
        NOON,
        CircuitState.CLOSED,
    ),
}


@pytest.mark.parametrize(("state", "at", "expected"), SEEN.values(), ids=SEEN)
def test_a_start_sees_the_circuit_as(
    state: Circuit, at: datetime, expected: CircuitState
) -> None:
    assert circuit.state(state, at) is expected


def test_a_trials_claim_outlives_its_post() -> None:
    assert timing.POST_LIMIT + timedelta(seconds=30) < TRIAL_CLAIM


def after(
    state: Circuit,
    submission: Submission,
    *,
    opens: str | None = None,
    began_at: datetime = NOON + MINUTE,
) -> Circuit:
    """The circuit after the submission's answer, a minute and a second after noon."""
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
def test_a_failed_trial_opens_its_circuit_again_whatever_the_failure(
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
def test_an_answer_that_disproves_the_reason_closes_the_circuit(
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
def test_an_answer_to_a_start_before_the_opening_changes_nothing(
    submission: Submission, before: timedelta
) -> None:
    assert after(opened(), submission, began_at=NOON - before) == opened()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3600, timedelta(hours=1)), (10**9, timing.MAX_RETRY_AFTER)],
)
@pytest.mark.parametrize("state", [CLOSED, opened(times=4)], ids=["closed", "trial"])
def test_a_long_retry_after_keeps_the_circuit_open_until_then(
    state: Circuit, seconds: int, expected: timedelta
) -> None:
    opening = after(state, rejected(C.RATE_LIMITED, seconds), opens=state.key).opening

    assert opening and opening.reason is C.RATE_LIMITED
    assert opening.until == NOON + MINUTE + SECOND + expected


def test_an_open_circuits_problem_says_why_and_since_when() -> None:
    problem = circuit.problem(opened(reason=C.OUT_OF_CREDITS, key="vendor.runway"))

    since = "2026-11-22T12:00:00+00:00"
    detail = f"out_of_credits until 12:01: vendor.runway is open since {since}"
    assert problem == Problem(code=C.CIRCUIT_OPEN, detail=detail)
    assert circuit.problem(CLOSED) is None
