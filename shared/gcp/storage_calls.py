"""How long a call of Cloud Storage may take, and what its errors mean to us."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, Final

from google.api_core import exceptions as api_errors
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import RequestException
from urllib3.exceptions import HTTPError

from shared.domain.errors import LostRace, ReelayError, Unreachable

# Connect and read, of one request; then all of its retries together.
_TIMEOUT_SECONDS: Final = (10, 60)
_RETRY: Final = DEFAULT_RETRY.with_timeout(120)

# The first line that fits holds.
TRANSLATIONS: Final[Sequence[tuple[type[Exception], type[ReelayError]]]] = (
    (api_errors.PreconditionFailed, LostRace),
    (api_errors.GoogleAPIError, Unreachable),
    (InvalidResponse, Unreachable),
    (DataCorruption, Unreachable),
    (GoogleAuthError, Unreachable),
    (RequestException, Unreachable),
    (HTTPError, Unreachable),
    (HTTPException, Unreachable),
    (OSError, Unreachable),
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Errors of the client libraries become ours; what is not listed is a bug."""
    try:
        yield
    except tuple(theirs for theirs, _ in TRANSLATIONS) as error:
        ours = next(ours for theirs, ours in TRANSLATIONS if isinstance(error, theirs))
        raise ours(f"Cloud Storage: {doing}: {type(error).__name__}") from error


def limits() -> dict[str, Any]:
    """For each call that may be done twice; others do not exist here."""
    return {"timeout": _TIMEOUT_SECONDS, "retry": _RETRY}
