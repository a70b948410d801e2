"""Circuits: when a vendor, a provider or a model is not asked for a while.

CLOSED ──a bad answer, or several in a row──▶ OPEN ──its time is up──▶ HALF_OPEN
   ▲                                           ▲                           │
   │                                           └──the trial failed─────────┤
   └──────────────the trial was answered───────────────────────────────────┘
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import assert_never

from msgspec import Struct

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from shared.domain.structs import replace

FAULTS_TO_OPEN = 5
LONGEST = timedelta(minutes=15)
# Longer than a paid POST may take, so that a trial is over when its claim expires.
TRIAL = timedelta(minutes=2)
_FIRST = timedelta(seconds=60)
# These need somebody to act, so asking again soon is pointless.
_FIRST_BY_REASON: Mapping[ErrorCode, timedelta] = {
    ErrorCode.ACCESS_DENIED: timedelta(minutes=5),
    ErrorCode.OUT_OF_CREDITS: timedelta(minutes=5),
    ErrorCode.MODEL_UNAVAILABLE: timedelta(minutes=5),
}
_MOST_DOUBLINGS = 8


class Verdict(StrEnum):
    """What a submission says about the vendor, the provider or the model."""

    HEALTHY = "healthy"
    ACCOUNT_BLOCKED = "account_blocked"
    MODEL_GONE = "model_gone"
    THROTTLED = "throttled"
    FAULT = "fault"
    INPUT_REJECTED = "input_rejected"
    INCONCLUSIVE = "inconclusive"


# A vendor that judges the content of a request is healthy. A short "try later" proves
# nothing, and never that credits are missing.
_REJECTIONS: Mapping[ErrorCode, Verdict] = {
    ErrorCode.ACCESS_DENIED: Verdict.ACCOUNT_BLOCKED,
    ErrorCode.OUT_OF_CREDITS: Verdict.ACCOUNT_BLOCKED,
    ErrorCode.MODEL_UNAVAILABLE: Verdict.MODEL_GONE,
    ErrorCode.PROVIDER_UNAVAILABLE: Verdict.FAULT,
    ErrorCode.PROVIDER_ERROR: Verdict.FAULT,
    ErrorCode.INPUT_NOT_ACCEPTED: Verdict.INPUT_REJECTED,
    ErrorCode.PROMPT_REFUSED: Verdict.HEALTHY,
    ErrorCode.IMAGE_REFUSED: Verdict.HEALTHY,
    ErrorCode.OUTPUT_FILTERED: Verdict.HEALTHY,
}
# A request that was not sent proves nothing good; its PROVIDER_ERROR is our own bug.
_NOT_SENT: Mapping[ErrorCode, Verdict] = {
    ErrorCode.ACCESS_DENIED: Verdict.ACCOUNT_BLOCKED,
    ErrorCode.PROVIDER_UNAVAILABLE: Verdict.FAULT,
}


class Opening(Struct, frozen=True, kw_only=True):
    """`since`: when it opened; `times`: how often since it was last closed."""

    reason: ErrorCode
    since: datetime
    until: datetime
    times: int


class Circuit(Struct, frozen=True, kw_only=True):
    """The circuit of one vendor, provider or model; `opening` is None while closed.

    No other trial may be claimed before `trial_until`. It stays when the circuit
    closes, because the trial may still be waiting for its answer.
    """

    key: str
    opening: Opening | None = None
    trial_until: datetime | None = None


class CircuitState(StrEnum):
    """HALF_OPEN: one start may pass, if it claims the trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


def vendor_key(planned: PlannedProvider) -> str:
    return f"vendor.{planned.vendor}"


def provider_key(planned: PlannedProvider) -> str:
    return f"provider.{planned.provider_id}"


def model_key(planned: PlannedProvider) -> str:
    return f"model.{planned.vendor}.{planned.model_id}"


def keys(planned: PlannedProvider) -> tuple[str, ...]:
    """The circuits that a start must pass."""
    return vendor_key(planned), provider_key(planned), model_key(planned)


def state(circuit: Circuit, now: datetime) -> CircuitState:
    if circuit.opening is None:
        return CircuitState.CLOSED
    on_trial = circuit.trial_until is not None and now < circuit.trial_until
    if on_trial or now < circuit.opening.until:
        return CircuitState.OPEN
    return CircuitState.HALF_OPEN


def problem(circuit: Circuit) -> Problem | None:
    """Why a start was not let through; None if the circuit is closed."""
    opening = circuit.opening
    if opening is None:
        return None
    since = opening.since.isoformat(timespec="seconds")
    until = max(opening.until, circuit.trial_until or opening.until)
    at = until.astimezone(UTC).strftime("%H:%M")
    detail = f"{opening.reason} until {at}: {circuit.key} is open since {since}"
    return Problem(code=ErrorCode.CIRCUIT_OPEN, detail=detail)


def with_trial(circuit: Circuit, now: datetime) -> Circuit:
    """Claimed for one trial; the claim expires if its holder dies."""
    return replace(circuit, trial_until=now + TRIAL)


def closed(circuit: Circuit) -> Circuit:
    return replace(circuit, opening=None)


def opened(
    circuit: Circuit,
    reason: ErrorCode,
    now: datetime,
    *,
    retry_after: timedelta | None = None,
) -> Circuit:
    """Open for `retry_after`, else for longer each time in a row.

    Unchanged while its time is not up: that answer belongs to an earlier start.
    """
    was = circuit.opening
    if was is not None and now < was.until:
        return circuit
    times = was.times + 1 if was else 1
    opening = Opening(
        reason=reason,
        since=was.since if was else now,
        until=now + (retry_after or _length(reason, times)),
        times=times,
    )
    return replace(circuit, opening=opening)


def _length(reason: ErrorCode, times: int) -> timedelta:
    if reason is ErrorCode.INPUT_NOT_ACCEPTED:
        return _FIRST  # inputs differ, so the next one may be accepted
    first = _FIRST_BY_REASON.get(reason, _FIRST)
    return min(first * (1 << min(times - 1, _MOST_DOUBLINGS)), LONGEST)


def verdict(submission: Submission) -> Verdict:
    match submission:
        case Accepted():
            return Verdict.HEALTHY
        case Unknown():
            return Verdict.FAULT
        case Rejected(problem=why):
            said = _REJECTIONS.get(why.code, Verdict.INCONCLUSIVE)
            is_passing = said in (Verdict.INCONCLUSIVE, Verdict.FAULT)
            return Verdict.THROTTLED if is_passing and _long_wait(submission) else said
        case NotSent(problem=why):
            return _NOT_SENT.get(why.code, Verdict.INCONCLUSIVE)
        case _:
            assert_never(submission)


def _long_wait(submission: Submission) -> timedelta | None:
    """How long the vendor wants to be left alone; None if a job can wait for it."""
    match submission:
        case Rejected(retry_after_seconds=float(seconds), ask_again=False):
            most = timing.LONGEST_RETRY_AFTER.total_seconds()
            asked = timedelta(seconds=min(seconds, most))
            return asked if asked > timing.LONGEST_VENDOR_DELAY else None
        case _:
            return None


def _reason(submission: Submission) -> ErrorCode:
    match submission:
        case Rejected(problem=why) | NotSent(problem=why):
            return why.code
        case _:
            return ErrorCode.SUBMISSION_UNKNOWN


def complaint(submission: Submission) -> str | None:
    """What must be the same for bad answers to count as in a row; None if healthy.

    All faults are alike; a rejected form is the same if the vendor's words are.
    """
    match verdict(submission):
        case Verdict.FAULT:
            return "fault"
        case Verdict.INPUT_REJECTED if isinstance(submission, Rejected):
            return f"input: {submission.problem.detail}"
        case _:
            return None


def key_to_open(
    planned: PlannedProvider, submission: Submission, in_a_row: int
) -> str | None:
    """Which circuit opens after this submission, if it is closed.

    `in_a_row`: the same complaints about this provider, this one included.
    """
    match verdict(submission):
        case Verdict.ACCOUNT_BLOCKED | Verdict.THROTTLED:
            return vendor_key(planned)
        case Verdict.MODEL_GONE:
            return model_key(planned)
        case Verdict.FAULT | Verdict.INPUT_REJECTED if in_a_row >= FAULTS_TO_OPEN:
            return provider_key(planned)
        case _:
            return None


def after_submission(
    circuit: Circuit,
    *,
    submission: Submission,
    opens: str | None,
    began_at: datetime,
    now: datetime,
) -> Circuit:
    """The circuit after a start that passed it; `opens`: what `key_to_open` named.

    A start from before the opening changes nothing. A failed trial opens the circuit
    again, however it failed.
    """
    opening, reason = circuit.opening, _reason(submission)
    if circuit.key == opens and opening is None:
        return opened(circuit, reason, now, retry_after=_long_wait(submission))
    if opening is None or began_at <= opening.since:
        return circuit
    match verdict(submission):
        case Verdict.INCONCLUSIVE:
            return circuit
        case Verdict.HEALTHY:
            return closed(circuit)
        case Verdict.INPUT_REJECTED if opening.reason is not reason:
            return closed(circuit)
        case _:
            retry_after = _long_wait(submission) if circuit.key == opens else None
            return opened(circuit, reason, now, retry_after=retry_after)
