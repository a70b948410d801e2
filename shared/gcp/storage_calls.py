"""Limits the time of calls to Cloud Storage, and maps its errors to ours."""

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
from shared.gcp.error_mapping import ErrorTable, map_errors

# To connect and to read, for one request; then for all tries together.
TIMEOUT_SECONDS: Final = (10, 60)
_RETRY: Final = DEFAULT_RETRY.with_timeout(120)

ERRORS: Final[ErrorTable] = (
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


def storage_errors(call: str) -> AbstractContextManager[None]:
    return map_errors(ERRORS, f"Cloud Storage: {call}")


def limits() -> dict[str, Any]:
    """Keyword arguments for a call. Calls here can be repeated, so all are retried."""
    return {"timeout": TIMEOUT_SECONDS, "retry": _RETRY}
