"""A client of Identity Toolkit's REST API: a project's users and their claims.

https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from google.api_core.exceptions import from_http_response
from google.auth.transport.requests import AuthorizedSession

from shared.domain.errors import BadContent, Conflict, NotFound, Unreachable

BASE_URL = "https://identitytoolkit.googleapis.com"
TIMEOUT_SECONDS = 30.0
PAGE_SIZE = 1000
NO_SIGN_IN = "CONFIGURATION_NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`is_verified`: whether the user has proved that the e-mail address is theirs."""

    user_id: str
    email: str
    is_verified: bool
    claims: Mapping[str, Any]

    @property
    def is_admin(self) -> bool:
        return self.claims.get("admin") is True


class Users:
    """Every method may raise GoogleAuthError or Unreachable, whose cause is Google's
    error if there is one.

    `credentials` must name the project as quota project: otherwise a person's use
    gcloud's own project, in which this API is off.
    """

    def __init__(self, project: str, credentials: Any, *, base_url: str) -> None:
        self._url = f"{base_url}/v1/projects/{project}/accounts"
        self._project = project
        self._session = AuthorizedSession(credentials)

    def close(self) -> None:
        self._session.close()

    def by_email(self, email: str) -> User:
        """Raises NotFound, or Conflict if several users have this e-mail address."""
        found = self._call("POST", "lookup", json={"email": [email]}).get("users", [])
        if not found:
            raise NotFound(
                f"{self._project} has no user {email}: let them sign up first, or add "
                "them in the console, under Identity Platform."
            )
        if len(found) > 1:
            raise Conflict(f"{len(found)} users of {self._project} have {email}.")
        return _user(found[0])

    def has(self, user_id: str) -> bool:
        """Whether there is a user with this id, enabled or disabled.

        A project without sign-in (deployed with enable_web=false) has no users.
        """
        try:
            found = self._call("POST", "lookup", json={"localId": [user_id]})
        except Unreachable as error:
            if NO_SIGN_IN in str(error.__cause__):
                return False
            raise
        return bool(found.get("users"))

    def all(self) -> Iterator[User]:
        query: dict[str, Any] = {"maxResults": PAGE_SIZE}
        while True:
            page = self._call("GET", "batchGet", params=query)
            yield from map(_user, page.get("users", []))
            if not page.get("nextPageToken"):
                return
            query["nextPageToken"] = page["nextPageToken"]

    def set_claims(self, user: User, claims: Mapping[str, Any]) -> None:
        """Replace all of the user's claims."""
        text = json.dumps(dict(claims), separators=(",", ":"))
        body = {"localId": user.user_id, "customAttributes": text}
        self._call("POST", "update", json=body)

    def _call(self, method: str, verb: str, **sent: Any) -> Any:
        try:
            response = self._session.request(
                method,
                f"{self._url}:{verb}",
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **sent,
            )
            if response.status_code != requests.codes.ok:
                google_error = from_http_response(response)
                raise Unreachable(
                    f"accounts:{verb} answered {response.status_code}"
                ) from google_error
            return response.json()
        except requests.RequestException as error:
            why = type(error).__name__
            raise Unreachable(f"accounts:{verb}: {why}") from error


def _user(record: Mapping[str, Any]) -> User:
    return User(
        user_id=record["localId"],
        email=record.get("email", "-"),
        is_verified=record.get("emailVerified") is True,
        claims=_claims(record),
    )


def _claims(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises BadContent if they are not an object, since an update would lose them."""
    try:
        claims = json.loads(record.get("customAttributes") or "{}")
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise BadContent(
            f"The claims of user {record['localId']} are not a JSON object."
        )
    return claims
