"""Authenticates users by Firebase ID tokens; in development, by the local stack's."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from google.auth import exceptions as auth_exceptions
from google.auth import jwt
from google.oauth2 import id_token

from shared.domain.errors import AccessProblem, Forbidden, TokenProblem, Unauthenticated
from shared.domain.user_id import is_user_id
from shared.gcp.bearer_header import bearer_token
from shared.gcp.published_keys import PublishedKeys
from shared.gcp.user_lookup import UserLookup
from shared.ports.identity import Caller
from shared.rates import RateLimit

CERTS_URL: Final = (
    "https://www.googleapis.com/robot/v1/metadata/x509/"
    "securetoken@system.gserviceaccount.com"
)
ISSUER: Final = "https://securetoken.google.com/"
CLOCK_SKEW_SECONDS: Final = 10

VERIFICATION_ERRORS: Final = (
    auth_exceptions.GoogleAuthError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    RecursionError,  # JSON nested deeper than Python goes
)

# A user's token lives for an hour.
MAX_CHECKED: Final = 2000
Claims = Mapping[str, Any]
Decode = Callable[[str], Claims]


def decode_signed(project: str, certs_url: str = CERTS_URL) -> Decode:
    """Checks signature, audience and lifetime. Claims are cached as long as the same
    keys are published.

    google-auth accepts RS256 and ES256, each only with a certificate of that type, and
    Google publishes only RSA here.
    """
    keys: Any = PublishedKeys(certs_url)
    checked: OrderedDict[bytes, tuple[object, Claims]] = OrderedDict()

    def decode(token: str) -> Claims:
        digest = sha256(token.encode()).digest()
        by, known = checked.get(digest, (None, {}))
        if by is not None and by is keys(certs_url):
            return known
        keys.expect_key_of(token)
        published = keys(certs_url)
        claims: Claims = id_token.verify_firebase_token(
            token, keys, audience=project, clock_skew_in_seconds=CLOCK_SKEW_SECONDS
        )
        checked[digest] = (published, claims)
        if len(checked) > MAX_CHECKED:
            checked.popitem(last=False)
        return claims

    return decode


class FirebaseTokens:
    """The port `Tokens`. `decode` returns a token's claims or raises.

    `lookup` is None only on a developer's machine, which has no users. `rate`: the
    lookups of one user, because all users share one quota.
    """

    def __init__(
        self,
        project: str,
        decode: Decode,
        lookup: UserLookup | None = None,
        rate: RateLimit | None = None,
    ) -> None:
        self._project = project
        self._decode = decode
        self._lookup = lookup
        self._rate = rate or RateLimit(20)

    def caller(
        self, authorization: str | None, *, check_revoked: bool = True
    ) -> Caller:
        claims = self._claims(bearer_token(authorization))
        user_id = claims["sub"]
        if not _is_accountable(claims):
            raise Forbidden(reason=AccessProblem.UNVERIFIED)
        is_admin = claims.get("admin") is True
        if (check_revoked or is_admin) and self._lookup:
            self._rate.take(user_id)
            self._lookup.check(user_id, signed_in_at=claims["auth_time"])
        return Caller(user_id=user_id, is_admin=is_admin)

    def _claims(self, token: str) -> Claims:
        # google-auth's messages may contain the token, so they are dropped.
        try:
            claims = self._decode(token)
            self._check(claims)
        except VERIFICATION_ERRORS:
            raise Unauthenticated(reason=_problem(token)) from None
        return claims

    def _check(self, claims: Claims) -> None:
        """The checks that Firebase requires of those who don't use its own library.

        https://firebase.google.com/docs/auth/admin/verify-id-tokens
        """
        if claims["iss"] != ISSUER + self._project or claims["aud"] != self._project:
            raise ValueError("wrong issuer or project")
        if not is_user_id(claims["sub"]):
            raise ValueError("not a user id that we can store")
        now = datetime.now(UTC).timestamp()
        if not now < claims["exp"] + CLOCK_SKEW_SECONDS:
            raise ValueError("expired")
        firebase = claims["firebase"]
        if not isinstance(firebase["sign_in_provider"], str) or "tenant" in firebase:
            raise ValueError("no sign-in provider, or the user of a tenant")
        begins = (claims["iat"], claims["auth_time"])
        if not all(time <= now + CLOCK_SKEW_SECONDS for time in begins):
            raise ValueError("not yet valid")


def _problem(token: str) -> TokenProblem:
    """For the error message only, since the claims that it reads are not verified."""
    try:
        expires_at = float(jwt.decode(token, verify=False)["exp"])
    except VERIFICATION_ERRORS:
        return TokenProblem.MALFORMED
    is_expired = expires_at < datetime.now(UTC).timestamp()
    return TokenProblem.EXPIRED if is_expired else TokenProblem.INVALID


def _is_accountable(claims: Claims) -> bool:
    """False for accounts that a script could create at will, each with its own cap."""
    match claims["firebase"]["sign_in_provider"]:
        case "anonymous":
            return False
        case "password":
            return claims.get("email_verified") is True
        case _:
            return True
