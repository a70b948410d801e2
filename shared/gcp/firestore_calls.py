"""How calls of Firestore are made: their limits, and Google's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type

from shared.domain.errors import CommitUncertain, LostRace, Unreachable

TIMEOUT_SECONDS = 10.0
# A resent commit whose first answer got lost fails its own precondition: the caller
# looks whether its change is there before believing that, so resending is safe.
RETRY = Retry(
    predicate=if_exception_type(exceptions.ServiceUnavailable),
    initial=0.1,
    maximum=1.0,
    timeout=TIMEOUT_SECONDS,
)

_LOST = (
    exceptions.AlreadyExists,
    exceptions.FailedPrecondition,
    exceptions.NotFound,
    exceptions.Aborted,
)
# Anything else that was not clearly refused may have been carried out.
_REFUSED = (
    exceptions.PermissionDenied,
    exceptions.Unauthenticated,
    exceptions.InvalidArgument,
)


@contextmanager
def committing() -> Iterator[None]:
    """LostRace, Unreachable; Unclear for errors that leave it open."""
    try:
        yield
    except _LOST as error:
        raise LostRace(type(error).__name__) from error
    except _REFUSED as error:
        raise Unreachable(type(error).__name__) from error
    except (exceptions.GoogleAPIError, ValueError) as error:
        raise CommitUncertain(type(error).__name__) from error


@contextmanager
def reading() -> Iterator[None]:
    """A read races with nobody: whatever fails, the same again may work."""
    try:
        yield
    except (exceptions.GoogleAPIError, ValueError) as error:
        raise Unreachable(type(error).__name__) from error
