"""Admits one service account to a private function, by its Google-signed ID token."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import id_token

from shared.domain.errors import Forbidden, Unauthenticated
from shared.gcp.bearer_header import bearer_token
from shared.gcp.published_keys import PublishedKeys

# What Cloud Run puts in place of a signature that it has verified.
SIGNATURE_REMOVED: Final = "SIGNATURE_REMOVED_BY_GOOGLE"

_ISSUERS: Final = ("accounts.google.com", "https://accounts.google.com")
_CLOCK_SKEW_SECONDS: Final = 10


class OidcCheck:
    """Checks the token of each call to a private function.

    `certs_url` serves key ids and X.509 certificates in PEM. `signature_removed`:
    Cloud Run has verified and removed the signature. It must be False elsewhere, or
    anyone who reaches the function could forge a token.
    """

    def __init__(
        self,
        *,
        audience: str,
        invoker_email: str,
        signature_removed: bool,
        certs_url: str,
    ) -> None:
        self._audience = audience
        self._invoker_email = invoker_email
        self._signature_removed = signature_removed
        self._certs: Any = PublishedKeys(certs_url)

    def check(self, authorization_header: str | None) -> None:
        """Unauthenticated or Forbidden; Unreachable without certificates."""
        token = bearer_token(authorization_header)
        # google-auth's messages may contain the token, so they are dropped.
        try:
            claims = self._claims(token)
        except (GoogleAuthError, ValueError, TypeError, KeyError, RecursionError):
            raise Unauthenticated("invalid token") from None
        self._check_caller(claims)

    def _claims(self, token: str) -> Mapping[str, Any]:
        is_removed = token.rpartition(".")[2] == SIGNATURE_REMOVED
        if is_removed and self._signature_removed:
            claims: Mapping[str, Any] = jwt.decode(token, verify=False)
            _check_lifetime(claims)
        else:
            self._certs.expect_key_of(token)
            claims = id_token.verify_token(
                token,
                self._certs,
                audience=self._audience,
                clock_skew_in_seconds=_CLOCK_SKEW_SECONDS,
            )
        return claims

    def _check_caller(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") not in _ISSUERS:
            raise Unauthenticated("not issued by Google")
        if claims.get("aud") != self._audience:
            raise Unauthenticated("wrong audience")
        if claims.get("email") != self._invoker_email:
            raise Forbidden("this account may not call this function")
        if claims.get("email_verified") is not True:
            raise Forbidden("the token's e-mail is not verified")


def _check_lifetime(claims: Mapping[str, Any]) -> None:
    """ValueError, TypeError or KeyError if the token is not valid now."""
    now = datetime.now(UTC).timestamp()
    starts, ends = claims["iat"], claims["exp"]
    if not starts - _CLOCK_SKEW_SECONDS <= now <= ends + _CLOCK_SKEW_SECONDS:
        raise ValueError("not valid now")
