"""Who a caller is, whichever they came with: an API key of ours, or a user's token."""

import hmac

from shared.domain.api_key import PREFIX, is_secret, sha256_of
from shared.domain.errors import Unauthenticated
from shared.gcp.bearer_header import bearer_token
from shared.ports.identity import (
    ApiKeys,
    Caller,
    Tokens,
)


class BearerTokens:
    """The port `Tokens`. A key is looked up each time: a revoked one stops at once."""

    def __init__(self, *, firebase: Tokens, keys: ApiKeys) -> None:
        self._firebase = firebase
        self._keys = keys

    def caller(self, authorization: str | None, *, spends: bool = False) -> Caller:
        token = bearer_token(authorization)
        if token.startswith(PREFIX):
            return self._of_key(token)
        return self._firebase.caller(authorization, spends=spends)

    def _of_key(self, secret: str) -> Caller:
        """Never an admin, whosever key it is."""
        if not is_secret(secret):
            raise Unauthenticated("not of a key's form")
        sha256 = sha256_of(secret)
        key = self._keys.find(sha256)
        if key is None or not hmac.compare_digest(key.sha256, sha256):
            raise Unauthenticated("no such key")
        if key.revoked_at is not None:
            raise Unauthenticated("the key was revoked")
        return Caller(user_id=key.user_id, key_id=key.key_id)
