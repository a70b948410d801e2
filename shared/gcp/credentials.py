"""Finds this process's Google identity, and a signer for URLs."""

from typing import Any, Final

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2 import service_account

from shared.gcp.function_signer import FunctionSigner

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)


def default_credentials() -> Any:
    """Application Default Credentials, or None if there are none."""
    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
    except DefaultCredentialsError:
        return None
    return credentials


def url_signer(key_file: str | None) -> Any:
    """Signs with the key in `key_file`, or without a file through signBlob.

    DefaultCredentialsError if there is neither a file nor an identity.
    """
    if key_file:
        return service_account.Credentials.from_service_account_file(key_file)
    credentials, _ = google.auth.default(scopes=_SCOPES)
    return FunctionSigner(credentials)
