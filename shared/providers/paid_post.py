"""The outcome of a paid POST that raised: whether it may have reached the vendor."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from shared.cutoff import Cutoff
from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import NotSent, Unknown
from shared.providers.redaction import describe

# Connecting and each write may take 5 s, reading the rest of the limit.
CONNECT_SECONDS = 5.0
READ_SECONDS = timing.POST_LIMIT.total_seconds() - 2 * CONNECT_SECONDS
# A poll or a cancel is free and is repeated, so it need not wait as long.
FREE_READ_SECONDS = 20.0


def cutoff(read_seconds: float) -> Cutoff:
    """Over a whole call: a paid one is over before its lease, however it drips in."""
    return Cutoff(read_seconds + 2 * CONNECT_SECONDS)


class Fault(StrEnum):
    """What an exception says about the request.

    `CONNECTING` and `LOCAL` mean that nothing was sent, unless sending had begun.
    """

    BEFORE_SENDING = "before_sending"
    CONNECTING = "connecting"
    LOCAL = "local"
    ANSWERED = "answered"
    DOUBTFUL = "doubtful"
    SEE_CAUSE = "see_cause"


Faults = Mapping[type[BaseException], Fault]

# What our own code or a library may raise around a call. None of it is an answer.
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


class SendState(Struct):
    """Whether sending has begun. Each client marks it in its own way."""

    started: bool = False


def mapped(kind: type[BaseException], faults: Faults) -> Fault | None:
    """The entry of the nearest base class in the table, or None."""
    return next((faults[base] for base in kind.__mro__ if base in faults), None)


def classify(error: BaseException, faults: Faults) -> Fault:
    """The first fault along the chain of causes that is not `SEE_CAUSE`."""
    for cause in _chain(error):
        fault = mapped(type(cause), faults) or Fault.DOUBTFUL
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
    """The outcome of a POST without an answer. In doubt, it may have arrived."""
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
