"""Looks up whether a user still exists, is enabled, and has valid tokens."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import requests
from google.auth import exceptions as auth_exceptions
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from shared.domain.errors import Unauthenticated, Unreachable

BASE_URL = "https://identitytoolkit.googleapis.com"
# Per try; there are at most two.
TIMEOUT_SECONDS = 5.0
# A pooled connection may be dead after an idle period, and a retry costs nothing.
_ONE_RETRY = Retry(
    total=1, connect=1, read=1, status=0, allowed_methods=None, backoff_factor=0
)


class UserLookup:
    """Calls `accounts:lookup`, as firebase-admin's `verify_id_token` does with
    `check_revoked=True`. The function's account needs roles/firebaseauth.viewer.

    `session` is authenticated, such as google-auth's AuthorizedSession. This object
    takes ownership of it.
    """

    def __init__(self, project: str, session: requests.Session) -> None:
        self._url = f"{BASE_URL}/v1/projects/{project}/accounts:lookup"
        self._session = session
        self._session.mount(BASE_URL, HTTPAdapter(max_retries=_ONE_RETRY))

    def check(self, user_id: str, *, signed_in_at: float = math.inf) -> None:
        """`signed_in_at`: the token's `auth_time`, in seconds since 1970; omitted for
        an API key, which revoking the user's tokens doesn't affect.

        Unauthenticated if the user doesn't exist, is disabled, or had their tokens
        revoked since. Unreachable if that can't be determined: don't spend anything.
        """
        user = _user(self._post(user_id), user_id)
        if user.get("disabled"):
            raise Unauthenticated("the user is disabled")
        if signed_in_at < _valid_since(user):
            raise Unauthenticated("the user's tokens were revoked")

    def _post(self, user_id: str) -> Any:
        try:
            response = self._session.post(
                self._url,
                json={"localId": [user_id]},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            if response.status_code != HTTPStatus.OK:
                raise Unreachable(f"accounts:lookup answered {response.status_code}")
            return response.json()
        except (requests.RequestException, auth_exceptions.GoogleAuthError) as error:
            why = type(error).__name__
            raise Unreachable(f"accounts:lookup did not answer: {why}") from error


def _user(content: Any, user_id: str) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise Unreachable("accounts:lookup did not answer with an object")
    match content.get("users", []):
        case []:
            raise Unauthenticated("there is no such user")
        case [dict() as user] if user.get("localId") == user_id:
            return user
        case _:
            raise Unreachable("accounts:lookup returned another user")


def _valid_since(user: Mapping[str, Any]) -> int:
    """Seconds since 1970, which Google sends as a string; 0 if absent."""
    try:
        return int(user.get("validSince", 0))
    except (TypeError, ValueError):
        raise Unreachable("accounts:lookup returned a malformed time") from None
