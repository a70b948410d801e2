"""The Google identity that this process has, and what signs URLs with it."""

from typing import Any, Final

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2 import service_account

from shared.gcp.function_signer import FunctionSigner

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)
# google-auth is typed in part only.
_auth: Any = google.auth


def default_credentials() -> Any:
    """Application Default Credentials, or None if there are none."""
    try:
        credentials, _ = _auth.default(scopes=_SCOPES)
    except DefaultCredentialsError:
        return None
    return credentials


def url_signer(key_file: str | None) -> Any:
    """Signs with the key in `key_file`; without one through signBlob.

    DefaultCredentialsError if there is neither.
    """
    if key_file:
        keys: Any = service_account.Credentials
        return keys.from_service_account_file(key_file)
    credentials, _ = _auth.default(scopes=_SCOPES)
    return FunctionSigner(credentials)
