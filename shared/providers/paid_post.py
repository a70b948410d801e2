"""Decides whether a paid POST that raised an exception may have reached the vendor."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from shared.cutoff import Cutoff
from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import NotSent, Unknown
from shared.providers.redaction import describe

# Connecting and each write may take 5 s, and reading the rest of the limit.
CONNECT_SECONDS = 5.0
READ_SECONDS = timing.POST_LIMIT.total_seconds() - 2 * CONNECT_SECONDS
# Polls and cancels are free and are repeated, so they need not wait as long.
FREE_READ_SECONDS = 20.0


def cutoff(read_seconds: float) -> Cutoff:
    """Limits a whole call, so that a paid one always ends before its lease does."""
    return Cutoff(read_seconds + 2 * CONNECT_SECONDS)


class Fault(StrEnum):
    """What an exception says about whether the request was sent.

    `CONNECTING` and `LOCAL` mean that nothing was sent, unless sending had begun.
    """

    BEFORE_SENDING = "before_sending"
    CONNECTING = "connecting"
    LOCAL = "local"
    DOUBTFUL = "doubtful"
    SEE_CAUSE = "see_cause"


Faults = Mapping[type[BaseException], Fault]

# What our own code or a library may raise around a call. None of them is a response.
LOCAL_FAULTS: Faults = dict.fromkeys(
    (
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        ImportError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ),
    Fault.LOCAL,
)


def faults_of(library: Any) -> Faults:
    """For httpx and httpx2, whose exceptions have the same names."""
    return {
        library.ConnectError: Fault.BEFORE_SENDING,
        library.ConnectTimeout: Fault.BEFORE_SENDING,
        library.PoolTimeout: Fault.BEFORE_SENDING,
        library.UnsupportedProtocol: Fault.BEFORE_SENDING,
        library.HTTPError: Fault.DOUBTFUL,
        library.InvalidURL: Fault.DOUBTFUL,
        library.CookieConflict: Fault.DOUBTFUL,
        library.StreamError: Fault.DOUBTFUL,
    }


class SendState(Struct):
    """Whether sending has begun. Each client sets it in its own way."""

    started: bool = False


def fault_of(kind: type[BaseException], faults: Faults) -> Fault | None:
    """The fault of the nearest base class in the table, or None."""
    return next((faults[base] for base in kind.__mro__ if base in faults), None)


def classify(error: BaseException, faults: Faults) -> Fault:
    """The first fault along the chain of causes that is not `SEE_CAUSE`."""
    for cause in _chain(error):
        fault = fault_of(type(cause), faults) or Fault.DOUBTFUL
        if fault is not Fault.SEE_CAUSE:
            return fault
    return Fault.DOUBTFUL


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        # requests re-raises without "from", so its cause is the context.
        cause = cause.__cause__ or cause.__context__


def outcome_of(
    error: BaseException, faults: Faults, send_state: SendState, *secrets: str
) -> NotSent | Unknown:
    """The outcome of a POST without a response. In doubt, it counts as Unknown."""
    detail = describe(error, *secrets)
    match classify(error, faults):
        case Fault.BEFORE_SENDING:
            return _not_sent(ErrorCode.PROVIDER_UNAVAILABLE, detail)
        case Fault.CONNECTING if not send_state.started:
            return _not_sent(ErrorCode.PROVIDER_UNAVAILABLE, detail)
        case Fault.LOCAL if not send_state.started:
            return _not_sent(ErrorCode.PROVIDER_ERROR, detail)
        case _:
            return Unknown(detail=detail)


def _not_sent(code: ErrorCode, detail: str) -> NotSent:
    return NotSent(problem=Problem(code=code, detail=detail))
