"""What a paid POST that raised came to: whether it left, and what may follow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import NotSent, Unknown
from shared.providers.redaction import describe

# Connect 5 s, write 5 s per piece, read 50 s: the 60 s that the lease is made for.
CONNECT_SECONDS = 5.0
READ_SECONDS = 50.0
# A poll or a cancel is free and comes again: it need not wait as long.
FREE_READ_SECONDS = 20.0


class Fault(StrEnum):
    """What an exception says about the request.

    `CONNECTING` and `LOCAL` come before sending unless the request had begun to leave.
    """

    BEFORE_SENDING = "before_sending"
    CONNECTING = "connecting"
    LOCAL = "local"
    ANSWERED = "answered"
    DOUBTFUL = "doubtful"
    SEE_CAUSE = "see_cause"


Faults = Mapping[type[BaseException], Fault]

# What our own code or a library may raise around a call; none of it is an answer.
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


@dataclass(slots=True)
class SendState:
    """Whether the request began to leave; each client says so in its own way."""

    started: bool = False


def mapped(kind: type[BaseException], faults: Faults) -> Fault | None:
    """The entry of the nearest class that the table names; None: of none."""
    return next((faults[base] for base in kind.__mro__ if base in faults), None)


def classify(error: BaseException, faults: Faults) -> Fault:
    """The first clear word along the chain of causes; without one, doubt."""
    for provider_id in _chain(error):
        fault = mapped(type(provider_id), faults) or Fault.DOUBTFUL
        if fault is not Fault.SEE_CAUSE:
            return fault
    return Fault.DOUBTFUL


def _chain(error: BaseException) -> Iterator[BaseException]:
    provider_id: BaseException | None = error
    while provider_id is not None:
        yield provider_id
        # requests re-raises without "from": its cause is the context.
        provider_id = provider_id.__cause__ or provider_id.__context__


def outcome_of(
    error: BaseException, faults: Faults, send_state: SendState, *secrets: str
) -> NotSent | Unknown:
    """The outcome of a POST that no answer came to; in doubt it may have arrived."""
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
