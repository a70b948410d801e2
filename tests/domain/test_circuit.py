"""When a circuit opens, for how long, who may try, and what closes it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import (
    circuit,
    timing,
)
from shared.domain.catalogue import ProviderId
from shared.domain.circuit import (
    FAULTS_TO_OPEN,
    HALF_OPEN,
    LONGEST,
    Circuit,
    CircuitState,
    Opening,
    Verdict,
)
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from tests.domain.examples import MINUTE, NOON, SECOND, a_job

CLOSED = Circuit(key="provider.runway")
ACCEPTED = Accepted(task_id="t")
UNKNOWN = Unknown(detail="read timeout")
C = ErrorCode


def planned(provider_id: ProviderId = ProviderId.RUNWAY) -> PlannedProvider:
    return next(p for p in a_job().chain if p.provider_id is provider_id)


def rejected(code: ErrorCode) -> Submission:
    return Rejected(problem=Problem(code=code))


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
        (rejected(C.ACCESS_DENIED), Verdict.VENDOR_BARRED),
        (rejected(C.OUT_OF_CREDITS), Verdict.VENDOR_BARRED),
        (rejected(C.MODEL_UNAVAILABLE), Verdict.PROVIDER_BARRED),
        (rejected(C.PROVIDER_UNAVAILABLE), Verdict.FAULT),
        (rejected(C.PROVIDER_ERROR), Verdict.FAULT),
        (rejected(C.PROMPT_REFUSED), Verdict.HEALTHY),
        (rejected(C.IMAGE_REFUSED), Verdict.HEALTHY),
        (rejected(C.OUTPUT_FILTERED), Verdict.HEALTHY),
        (rejected(C.INPUT_NOT_ACCEPTED), Verdict.HEALTHY),
        (rejected(C.RATE_LIMITED), Verdict.NEUTRAL),
        (rejected(C.NOT_CONFIGURED), Verdict.NEUTRAL),
        (not_sent(C.PROVIDER_UNAVAILABLE), Verdict.FAULT),
        (not_sent(C.ACCESS_DENIED), Verdict.VENDOR_BARRED),
        (not_sent(C.PROVIDER_ERROR), Verdict.NEUTRAL),
        (not_sent(C.INPUT_NOT_ACCEPTED), Verdict.NEUTRAL),
    ],
    ids=str,
)
def test_a_submission_says_this_of_who_was_asked(
    submission: Submission, expected: Verdict
) -> None:
    assert circuit.verdict(submission) is expected


@pytest.mark.parametrize(
    ("said", "faults", "key"),
    [
        (Verdict.HEALTHY, 0, None),
        (Verdict.NEUTRAL, 0, None),
        (Verdict.VENDOR_BARRED, 0, "vendor.runway"),
        (Verdict.PROVIDER_BARRED, 0, "provider.runway-http"),
        (Verdict.FAULT, 1, None),
        (Verdict.FAULT, FAULTS_TO_OPEN - 1, None),
        (Verdict.FAULT, FAULTS_TO_OPEN, "provider.runway-http"),
    ],
)
def test_a_verdict_opens_what_it_is_about(
    said: Verdict, faults: int, key: str | None
) -> None:
    assert circuit.opens(planned(ProviderId.RUNWAY_HTTP), said, faults) == key


@pytest.mark.parametrize("provider_id", ProviderId)
def test_a_start_passes_its_vendors_circuit_and_its_providers(
    provider_id: ProviderId,
) -> None:
    plan = planned(provider_id)

    assert circuit.keys(plan) == (
        f"vendor.{plan.vendor.value}",
        f"provider.{provider_id.value}",
    )


@pytest.mark.parametrize(
    ("reason", "minutes"),
    [
        (C.SUBMISSION_UNKNOWN, [1, 2, 4, 8, 15, 15]),
        (C.PROVIDER_UNAVAILABLE, [1, 2, 4, 8, 15, 15]),
        (C.ACCESS_DENIED, [5, 10, 15, 15]),
        (C.OUT_OF_CREDITS, [5, 10, 15, 15]),
        (C.MODEL_UNAVAILABLE, [5, 10, 15, 15]),
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
        (opened(), NOON, CircuitState.STOPPED),
        (opened(), NOON + MINUTE - SECOND, CircuitState.STOPPED),
        (opened(), NOON + MINUTE, CircuitState.HALF_OPEN),
        (circuit.claimed(opened(), NOON + MINUTE), NOON + MINUTE, CircuitState.STOPPED),
        (
            circuit.claimed(opened(), NOON + MINUTE),
            NOON + MINUTE + HALF_OPEN - SECOND,
            CircuitState.STOPPED,
        ),
        (
            circuit.claimed(opened(), NOON + MINUTE),
            NOON + MINUTE + HALF_OPEN,
            CircuitState.HALF_OPEN,
        ),
        (circuit.claimed(CLOSED, NOON), NOON, CircuitState.CLOSED),
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
    assert circuit.passage(state, at) is expected  # type: ignore[arg-type] # a time


def test_a_trial_outlives_the_post_that_it_is() -> None:
    assert timing.POST_LIMIT + timedelta(seconds=30) < HALF_OPEN


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
def test_a_trial_that_failed_in_any_way_opens_both_again(
    key: str, submission: Submission, code: ErrorCode
) -> None:
    due = circuit.claimed(opened(key=key), NOON + MINUTE)

    after = circuit.judged(due, submission, None, NOON + MINUTE)

    assert after.opening and (after.opening.times, after.opening.reason) == (2, code)


@pytest.mark.parametrize(
    "submission", [ACCEPTED, rejected(C.PROMPT_REFUSED)], ids=["accepted", "refused"]
)
def test_whoever_answers_closes_it(submission: Submission) -> None:
    due = circuit.claimed(opened(), NOON + MINUTE)

    after = circuit.judged(due, submission, None, NOON + MINUTE)

    assert after == replace(due, opening=None)


def test_a_vendor_that_asks_for_patience_leaves_the_trial_to_expire() -> None:
    due = circuit.claimed(opened(), NOON + MINUTE)

    assert circuit.judged(due, rejected(C.RATE_LIMITED), None, NOON + MINUTE) == due


def test_a_fault_leaves_a_closed_circuit_closed_until_it_is_named() -> None:
    assert circuit.judged(CLOSED, UNKNOWN, None, NOON) == CLOSED
    assert circuit.judged(CLOSED, UNKNOWN, "vendor.runway", NOON) == CLOSED
    assert circuit.judged(CLOSED, UNKNOWN, CLOSED.key, NOON) == opened()


def test_who_is_stopped_is_told_why_and_since_when() -> None:
    problem = circuit.problem(opened(reason=C.OUT_OF_CREDITS, key="vendor.runway"))

    since = "2026-11-22T12:00:00+00:00"
    detail = f"vendor.runway is open for out_of_credits since {since}"
    assert problem == Problem(code=C.CIRCUIT_OPEN, detail=detail)
    assert circuit.problem(CLOSED) is None
