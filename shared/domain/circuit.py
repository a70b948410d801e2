"""Circuit breakers: when starts at a vendor, provider or model are suspended.

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
MAX_OPENING = timedelta(minutes=15)
# Longer than a paid POST may take, so that a trial is over when its claim expires.
TRIAL_CLAIM = timedelta(minutes=2)
_FIRST_OPENING = timedelta(seconds=60)
# Somebody has to fix these, so an early trial is pointless.
_FIRST_OPENING_BY_REASON: Mapping[ErrorCode, timedelta] = {
    ErrorCode.ACCESS_DENIED: timedelta(minutes=5),
    ErrorCode.OUT_OF_CREDITS: timedelta(minutes=5),
    ErrorCode.MODEL_UNAVAILABLE: timedelta(minutes=5),
}
_MAX_DOUBLINGS = 8


class Verdict(StrEnum):
    """What a submission says about the vendor, the provider or the model."""

    HEALTHY = "healthy"
    ACCOUNT_BLOCKED = "account_blocked"
    MODEL_GONE = "model_gone"
    THROTTLED = "throttled"
    FAULT = "fault"
    INPUT_REJECTED = "input_rejected"
    INCONCLUSIVE = "inconclusive"


# A vendor that judges the content of a request is healthy. A short Retry-After proves
# nothing, least of all that credits have run out.
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
# A request that was not sent is no sign of health; its PROVIDER_ERROR is our own bug.
_NOT_SENT: Mapping[ErrorCode, Verdict] = {
    ErrorCode.ACCESS_DENIED: Verdict.ACCOUNT_BLOCKED,
    ErrorCode.PROVIDER_UNAVAILABLE: Verdict.FAULT,
}


class Opening(Struct, frozen=True, kw_only=True):
    """`since`: when it opened; `times`: how often it has opened since it was closed."""

    reason: ErrorCode
    since: datetime
    until: datetime
    times: int


class Circuit(Struct, frozen=True, kw_only=True):
    """The circuit of one vendor, provider or model; `opening` is None while closed.

    No other trial may be claimed before `trial_until`, which is kept when the circuit
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
    """The circuits that must all admit a start."""
    return vendor_key(planned), provider_key(planned), model_key(planned)


def state(circuit: Circuit, now: datetime) -> CircuitState:
    if circuit.opening is None:
        return CircuitState.CLOSED
    on_trial = circuit.trial_until is not None and now < circuit.trial_until
    if on_trial or now < circuit.opening.until:
        return CircuitState.OPEN
    return CircuitState.HALF_OPEN


def problem(circuit: Circuit) -> Problem | None:
    """Why the circuit blocks a start; None if it is closed."""
    opening = circuit.opening
    if opening is None:
        return None
    since = opening.since.isoformat(timespec="seconds")
    until = max(opening.until, circuit.trial_until or opening.until)
    at = until.astimezone(UTC).strftime("%H:%M")
    detail = f"{opening.reason} until {at}: {circuit.key} is open since {since}"
    return Problem(code=ErrorCode.CIRCUIT_OPEN, detail=detail)


def with_trial(circuit: Circuit, now: datetime) -> Circuit:
    """With its one trial claimed; the claim expires, in case its holder dies."""
    return replace(circuit, trial_until=now + TRIAL_CLAIM)


def without_trial(circuit: Circuit, *, began_at: datetime) -> Circuit:
    """With its trial free again, if it was claimed by the start that began then, which
    was not made. One from before the opening has claimed none, and a claim that comes
    so much later is that of another start.
    """
    if circuit.opening is None or circuit.trial_until is None:
        return circuit
    claimed_at = circuit.trial_until - TRIAL_CLAIM
    is_own = circuit.opening.since < began_at <= claimed_at < began_at + TRIAL_CLAIM
    return replace(circuit, trial_until=None) if is_own else circuit


def closed(circuit: Circuit) -> Circuit:
    return replace(circuit, opening=None)


def opened(
    circuit: Circuit,
    reason: ErrorCode,
    now: datetime,
    *,
    retry_after: timedelta | None = None,
) -> Circuit:
    """Opened for `retry_after`, or else for longer with each consecutive opening.

    Unchanged while it is still open: the answer belongs to an earlier start.
    """
    previous = circuit.opening
    if previous is not None and now < previous.until:
        return circuit
    times = previous.times + 1 if previous else 1
    opening = Opening(
        reason=reason,
        since=previous.since if previous else now,
        until=now + (retry_after or _length(reason, times)),
        times=times,
    )
    return replace(circuit, opening=opening)


def _length(reason: ErrorCode, times: int) -> timedelta:
    if reason is ErrorCode.INPUT_NOT_ACCEPTED:
        return _FIRST_OPENING  # inputs differ, so the next one may be accepted
    first = _FIRST_OPENING_BY_REASON.get(reason, _FIRST_OPENING)
    return min(first * (1 << min(times - 1, _MAX_DOUBLINGS)), MAX_OPENING)


def verdict(submission: Submission) -> Verdict:
    match submission:
        case Accepted():
            return Verdict.HEALTHY
        case Unknown():
            return Verdict.FAULT
        case Rejected(problem=why):
            by_code = _REJECTIONS.get(why.code, Verdict.INCONCLUSIVE)
            is_transient = by_code in (Verdict.INCONCLUSIVE, Verdict.FAULT)
            is_throttled = is_transient and _long_wait(submission)
            return Verdict.THROTTLED if is_throttled else by_code
        case NotSent(problem=why):
            return _NOT_SENT.get(why.code, Verdict.INCONCLUSIVE)
        case _:
            assert_never(submission)


def _long_wait(submission: Submission) -> timedelta | None:
    """The vendor's Retry-After; None if it is short enough for a job to wait."""
    match submission:
        case Rejected(retry_after_seconds=float(seconds), ask_again=False):
            longest = timing.MAX_RETRY_AFTER.total_seconds()
            wait = timedelta(seconds=min(seconds, longest))
            return wait if wait > timing.MAX_VENDOR_DELAY else None
        case _:
            return None


def _reason(submission: Submission) -> ErrorCode:
    match submission:
        case Rejected(problem=why) | NotSent(problem=why):
            return why.code
        case _:
            return ErrorCode.SUBMISSION_UNKNOWN


def complaint(submission: Submission) -> str | None:
    """What consecutive bad answers must have in common; None for other answers.

    All faults are alike. Rejected inputs are alike if the vendor's wording is the same.
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
    """The key of the circuit that this submission opens, if that one is closed.

    `in_a_row`: how often in a row this provider had the same complaint, this time
    included.
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
    """The circuit after a start that it admitted; `opens`: the result of `key_to_open`.

    A start from before the opening changes nothing. A failed trial reopens the circuit,
    however it failed.
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
