"""Authenticates callers by an API key or a user's ID token."""

from shared.domain.api_key import PREFIX, ApiKey, is_secret, sha256_of
from shared.domain.errors import Unauthenticated
from shared.gcp.bearer_header import bearer_token
from shared.gcp.user_lookup import UserLookup
from shared.ports.identity import ApiKeys, Caller, Tokens
from shared.rates import RateLimit

# Reads of keys that this process has not seen work, five seconds' worth at once.
STRANGERS_PER_SECOND = 2


class BearerTokens:
    """The port `Tokens`. Keys are read on each call, so revoking one works at once.

    `lookup` checks that a key's user still exists and is enabled. It is None only in
    development, which has no users. `rate`: reads of each key that has worked. All
    other keys share the rate `strangers`: anyone can make them up, and a read costs us.
    """

    def __init__(
        self,
        *,
        firebase: Tokens,
        keys: ApiKeys,
        lookup: UserLookup | None = None,
        rate: RateLimit | None = None,
        strangers: RateLimit | None = None,
    ) -> None:
        self._firebase = firebase
        self._keys = keys
        self._lookup = lookup
        self._rate = rate or RateLimit(20)
        self._strangers = strangers or RateLimit(STRANGERS_PER_SECOND)
        self._working: set[str] = set()

    def caller(
        self, authorization: str | None, *, check_revoked: bool = True
    ) -> Caller:
        token = bearer_token(authorization)
        if token.startswith(PREFIX):
            return self._of_key(token, check_revoked=check_revoked)
        return self._firebase.caller(authorization, check_revoked=check_revoked)

    def _of_key(self, secret: str, *, check_revoked: bool) -> Caller:
        """Never an admin, even if the key's user is one."""
        if not is_secret(secret):
            raise Unauthenticated("malformed API key")
        key = self._working_key(sha256_of(secret))
        if check_revoked and key.follows_user and self._lookup:
            self._lookup.check(key.user_id)
        return Caller(user_id=key.user_id, key_id=key.key_id)

    def _working_key(self, sha256: str) -> ApiKey:
        if sha256 in self._working:
            self._rate.take(sha256)
        else:
            self._strangers.take("")
        key = self._keys.find(sha256)
        if key is None or key.revoked_at is not None:
            self._working.discard(sha256)
            raise Unauthenticated("no such key, or it was revoked")
        self._working.add(sha256)
        return key
