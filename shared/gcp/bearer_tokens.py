"""Authenticates callers by an API key or a user's ID token."""

from shared.domain.api_key import PREFIX, is_secret, sha256_of
from shared.domain.errors import Unauthenticated
from shared.gcp.bearer_header import bearer_token
from shared.gcp.user_lookup import UserLookup
from shared.ports.identity import ApiKeys, Caller, Tokens


class BearerTokens:
    """The port `Tokens`. Keys are read on each call, so revoking one works at once.

    `lookup` checks that a key's user still exists and is enabled. It is None only in
    development, which has no users.
    """

    def __init__(
        self, *, firebase: Tokens, keys: ApiKeys, lookup: UserLookup | None = None
    ) -> None:
        self._firebase = firebase
        self._keys = keys
        self._lookup = lookup

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
        sha256 = sha256_of(secret)
        key = self._keys.find(sha256)
        if key is None:
            raise Unauthenticated("no such key")
        if key.revoked_at is not None:
            raise Unauthenticated("the key was revoked")
        if check_revoked and key.follows_user and self._lookup:
            self._lookup.check(key.user_id)
        return Caller(user_id=key.user_id, key_id=key.key_id)
