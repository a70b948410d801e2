"""Time limits of calls of Cloud Storage, and its errors as ours."""

from contextlib import AbstractContextManager
from http.client import HTTPException
from typing import Any, Final

from google.api_core import exceptions as api_errors
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import RequestException
from urllib3.exceptions import HTTPError

from shared.domain.errors import LostRace, Unreachable
from shared.gcp.translation import Table, translated

# Connecting and reading in one request; then all tries together.
TIMEOUT_SECONDS: Final = (10, 60)
_RETRY: Final = DEFAULT_RETRY.with_timeout(120)

ERRORS: Final[Table] = (
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


def storage_errors(doing: str) -> AbstractContextManager[None]:
    return translated(ERRORS, f"Cloud Storage: {doing}")


def limits() -> dict[str, Any]:
    """Keyword arguments of each call: every call here may be repeated."""
    return {"timeout": TIMEOUT_SECONDS, "retry": _RETRY}
