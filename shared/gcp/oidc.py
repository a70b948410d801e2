"""Who may call a private function: one service account, with a token of Google's."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import google.auth.jwt
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.oauth2 import id_token

from shared.domain.errors import Forbidden, Unauthenticated, Unreachable

GOOGLE_CERTS_URL: Final = "https://www.googleapis.com/oauth2/v1/certs"
# What Cloud Run puts in place of a signature that it has checked itself.
SIGNATURE_REMOVED: Final = "SIGNATURE_REMOVED_BY_GOOGLE"

_ISSUERS: Final = ("accounts.google.com", "https://accounts.google.com")
_CLOCK_SKEW_SECONDS: Final = 10
_CERTS_LIFETIME_SECONDS: Final = 300
_CERTS_TIMEOUT_SECONDS: Final = 10
# google-auth is typed in part only.
_jwt: Any = google.auth.jwt


class OidcCheck:
    """Checks the token of each call of a private function.

    `certs_url` answers key ids and X.509 certificates in PEM. `signature_removed`:
    Cloud Run checks signatures before us and takes them away; never true elsewhere,
    since whoever reaches the function could then write a token.
    """

    def __init__(
        self,
        *,
        audience: str,
        invoker_email: str,
        signature_removed: bool,
        certs_url: str = GOOGLE_CERTS_URL,
    ) -> None:
        self._audience = audience
        self._invoker_email = invoker_email
        self._signature_removed = signature_removed
        self._certs_url = certs_url
        self._certs: Any = _CachedCerts(Request())

    def check(self, authorization_header: str | None) -> None:
        """Unauthenticated, Forbidden; Unreachable where there are no certificates."""
        token = _bearer_token(authorization_header)
        # What google-auth says may hold the token: it goes no further.
        try:
            claims = self._claims(token)
        except (TransportError, _NoCertsError):
            raise Unreachable("no certificates to check tokens with") from None
        except (GoogleAuthError, ValueError, TypeError, KeyError):
            raise Unauthenticated("the token does not hold") from None
        self._check_caller(claims)

    def _claims(self, token: str) -> Mapping[str, Any]:
        is_removed = token.rpartition(".")[2] == SIGNATURE_REMOVED
        if is_removed and self._signature_removed:
            claims: Mapping[str, Any] = _jwt.decode(token, verify=False)
            _check_lifetime(claims)
        else:
            claims = id_token.verify_token(
                token,
                self._certs,
                audience=self._audience,
                certs_url=self._certs_url,
                clock_skew_in_seconds=_CLOCK_SKEW_SECONDS,
            )
        return claims

    def _check_caller(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") not in _ISSUERS:
            raise Unauthenticated("the token is not of Google's")
        if claims.get("aud") != self._audience:
            raise Unauthenticated("the token is for somebody else")
        if claims.get("email") != self._invoker_email:
            raise Forbidden("this account may not call this function")
        if claims.get("email_verified") is not True:
            raise Forbidden("the token's e-mail is not verified")


def _bearer_token(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("no bearer token")
    return token


def _check_lifetime(claims: Mapping[str, Any]) -> None:
    """ValueError, TypeError or KeyError where the token is not valid now."""
    now = datetime.now(UTC).timestamp()
    starts, ends = claims["iat"], claims["exp"]
    if not starts - _CLOCK_SKEW_SECONDS <= now <= ends + _CLOCK_SKEW_SECONDS:
        raise ValueError("not valid now")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """The shape that google-auth reads."""

    status: int
    data: bytes


class _NoCertsError(Exception):
    """What came is no answer of certificates."""


class _CachedCerts:
    """A transport for google-auth that asks once in some minutes.

    Google publishes a key long before it signs with it.
    """

    def __init__(self, request: Callable[..., Any]) -> None:
        self._request = request
        self._lock = threading.Lock()
        self._answer: _Answer | None = None
        self._fetched_at = 0.0

    def __call__(self, url: str, method: str = "GET") -> _Answer:
        with self._lock:
            age = time.monotonic() - self._fetched_at
            if self._answer is None or age > _CERTS_LIFETIME_SECONDS:
                self._answer = self._fetch(url, method)
                self._fetched_at = time.monotonic()
            return self._answer

    def _fetch(self, url: str, method: str) -> _Answer:
        response = self._request(url, method=method, timeout=_CERTS_TIMEOUT_SECONDS)
        if response.status != HTTPStatus.OK or not _is_json_object(response.data):
            raise _NoCertsError
        return _Answer(status=response.status, data=response.data)


def _is_json_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False
