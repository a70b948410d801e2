"""Who a caller is: Firebase ID tokens, and on one's own machine the emulator's."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.auth import exceptions as auth_exceptions
from google.auth import jwt
from google.auth.transport import requests as auth_requests
from google.oauth2 import id_token

from shared.domain.errors import Unauthenticated, Unreachable
from shared.ports import Caller

ISSUER = "https://securetoken.google.com/"
LONGEST_USER_ID = 128

Decode = Callable[[str], Mapping[str, Any]]


def decode_signed(project: str) -> Decode:
    """Checks signature (against Google's published keys), audience and expiry."""
    request = auth_requests.Request()

    def decode(token: str) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = id_token.verify_firebase_token(
            token, request, audience=project, clock_skew_in_seconds=10
        )
        return claims

    return decode


def decode_emulated(project: str) -> Decode:
    """Tokens as the Auth emulator makes them: unsigned. Never in the cloud."""

    def decode(token: str) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(token, verify=False)
        now = datetime.now(UTC).timestamp()
        if claims.get("aud") != project or not now < float(claims.get("exp", 0)):
            raise ValueError("another project's, or expired")
        return claims

    return decode


class FirebaseTokens:
    """The port `Tokens`. `decode` gives a token's claims, or raises where it is bad."""

    def __init__(self, project: str, decode: Decode) -> None:
        self._issuer = ISSUER + project
        self._decode = decode

    def caller(self, authorization: str | None) -> Caller:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("no bearer token")
        try:
            claims = self._decode(token.strip())
        except auth_exceptions.TransportError as error:
            raise Unreachable("Google's keys could not be fetched") from error
        except (ValueError, TypeError, auth_exceptions.GoogleAuthError) as error:
            raise Unauthenticated(type(error).__name__) from error
        return self._caller(claims)

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        user_id = claims.get("sub")
        if claims.get("iss") != self._issuer or not isinstance(user_id, str):
            raise Unauthenticated("another issuer, or nobody's token")
        if not 0 < len(user_id) <= LONGEST_USER_ID or "/" in user_id:
            raise Unauthenticated("no user id that we can keep")
        return Caller(user_id=user_id, is_admin=claims.get("admin") is True)
