"""When a vendor or a link is not asked for a while, and what ends that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown

FAULTS_TO_OPEN = 5
LONGEST = timedelta(minutes=15)
# Longer than a paid POST may take, so that a holder's trial is over when it expires.
HALF_OPEN = timedelta(minutes=2)
_FIRST = timedelta(seconds=60)
# These end by somebody's hand, not by themselves.
_FIRST_BY_REASON: Mapping[ErrorCode, timedelta] = {
    ErrorCode.ACCESS_DENIED: timedelta(minutes=5),
    ErrorCode.OUT_OF_CREDITS: timedelta(minutes=5),
    ErrorCode.MODEL_UNAVAILABLE: timedelta(minutes=5),
}
_MOST_DOUBLINGS = 8


class Verdict(StrEnum):
    """What a submission says about who was asked."""

    HEALTHY = "answers"
    VENDOR_BARRED = "vendor_barred"
    PROVIDER_BARRED = "provider_barred"
    FAULT = "fault"
    NEUTRAL = "neutral"


# A vendor that judges an input answers; one that asks for patience proves neither.
_REJECTIONS: Mapping[ErrorCode, Verdict] = {
    ErrorCode.ACCESS_DENIED: Verdict.VENDOR_BARRED,
    ErrorCode.OUT_OF_CREDITS: Verdict.VENDOR_BARRED,
    ErrorCode.MODEL_UNAVAILABLE: Verdict.PROVIDER_BARRED,
    ErrorCode.PROVIDER_UNAVAILABLE: Verdict.FAULT,
    ErrorCode.PROVIDER_ERROR: Verdict.FAULT,
    ErrorCode.PROMPT_REFUSED: Verdict.HEALTHY,
    ErrorCode.IMAGE_REFUSED: Verdict.HEALTHY,
    ErrorCode.OUTPUT_FILTERED: Verdict.HEALTHY,
    ErrorCode.INPUT_NOT_ACCEPTED: Verdict.HEALTHY,
}
# What never left says nothing good; PROVIDER_ERROR is then a fault of our own code.
_NOT_SENT: Mapping[ErrorCode, Verdict] = {
    ErrorCode.ACCESS_DENIED: Verdict.VENDOR_BARRED,
    ErrorCode.PROVIDER_UNAVAILABLE: Verdict.FAULT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """`since`: when the circuit was last closed; `times`: opened in a row since."""

    reason: ErrorCode
    since: datetime
    until: datetime
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """One vendor's or one link's. `opening` is None where it is closed.

    Nobody may claim another trial before `trial_until`: it stays when the circuit
    closes, since the trial's holder may still be waiting for its answer.
    """

    key: str
    opening: Opening | None = None
    trial_until: datetime | None = None


class CircuitState(StrEnum):
    """What a circuit lets a start do; `TRIAL`: start if it claims the trial."""

    CLOSED = "free"
    HALF_OPEN = "trial"
    STOPPED = "stopped"


def vendor_key(planned: PlannedProvider) -> str:
    return f"vendor.{planned.vendor}"


def provider_key(planned: PlannedProvider) -> str:
    return f"provider.{planned.provider_id}"


def keys(planned: PlannedProvider) -> tuple[str, str]:
    """The circuits that a start must pass."""
    return vendor_key(planned), provider_key(planned)


def passage(circuit: Circuit, now: datetime) -> CircuitState:
    if circuit.opening is None:
        return CircuitState.CLOSED
    trial_taken = circuit.trial_until is not None and now < circuit.trial_until
    if trial_taken or now < circuit.opening.until:
        return CircuitState.STOPPED
    return CircuitState.HALF_OPEN


def problem(circuit: Circuit) -> Problem | None:
    """What a start that was stopped is told; None where the circuit is closed."""
    opening = circuit.opening
    if opening is None:
        return None
    since = opening.since.isoformat(timespec="seconds")
    detail = f"{circuit.key} is open for {opening.reason} since {since}"
    return Problem(code=ErrorCode.CIRCUIT_OPEN, detail=detail)


def claimed(circuit: Circuit, now: datetime) -> Circuit:
    """The trial is somebody's; it expires with them."""
    return replace(circuit, trial_until=now + HALF_OPEN)


def closed(circuit: Circuit) -> Circuit:
    return replace(circuit, opening=None)


def opened(circuit: Circuit, reason: ErrorCode, now: datetime) -> Circuit:
    """Open, for longer each time in a row; as it is while its time is not up.

    A start that began before it opened tells nothing new.
    """
    was = circuit.opening
    if was is not None and now < was.until:
        return circuit
    times = was.times + 1 if was else 1
    since = was.since if was else now
    until = now + _length(reason, times)
    opening = Opening(reason=reason, since=since, until=until, times=times)
    return replace(circuit, opening=opening)


def _length(reason: ErrorCode, times: int) -> timedelta:
    first = _FIRST_BY_REASON.get(reason, _FIRST)
    return min(first * (1 << min(times - 1, _MOST_DOUBLINGS)), LONGEST)


def verdict(submission: Submission) -> Verdict:
    match submission:
        case Accepted():
            return Verdict.HEALTHY
        case Unknown():
            return Verdict.FAULT
        case Rejected(problem=why):
            return _REJECTIONS.get(why.code, Verdict.NEUTRAL)
        case NotSent(problem=why):
            return _NOT_SENT.get(why.code, Verdict.NEUTRAL)
        case _:
            assert_never(submission)


def reason(submission: Submission) -> ErrorCode:
    """Why a circuit opens after this submission, if it does."""
    match submission:
        case Rejected(problem=why) | NotSent(problem=why):
            return why.code
        case _:
            return ErrorCode.SUBMISSION_UNKNOWN


def opens(planned: PlannedProvider, said: Verdict, faults: int) -> str | None:
    """Which closed circuit this verdict opens; `faults`: in a row, with this one."""
    match said:
        case Verdict.VENDOR_BARRED:
            return vendor_key(planned)
        case Verdict.PROVIDER_BARRED:
            return provider_key(planned)
        case Verdict.FAULT if faults >= FAULTS_TO_OPEN:
            return provider_key(planned)
        case _:
            return None


def judged(
    circuit: Circuit, submission: Submission, opening: str | None, now: datetime
) -> Circuit:
    """The circuit after a submission that passed it; `opening`: what `opens` said.

    A circuit whose trial is due opens again whichever way the submission failed.
    """
    match verdict(submission):
        case Verdict.NEUTRAL:
            return circuit
        case Verdict.HEALTHY:
            return closed(circuit)
        case _ if circuit.key == opening or circuit.opening is not None:
            return opened(circuit, reason(submission), now)
        case _:
            return circuit
