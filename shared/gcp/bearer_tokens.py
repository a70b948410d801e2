"""Authenticates callers by an API key or a user's ID token."""

import time
from collections.abc import Callable, Set
from threading import Lock

from shared.domain.api_key import PREFIX, ApiKey, is_secret, sha256_of
from shared.domain.errors import TooManyRequests, Unauthenticated
from shared.gcp.bearer_header import bearer_token
from shared.gcp.user_lookup import UserLookup
from shared.ports.identity import ApiKeys, Caller, Tokens
from shared.rates import RateLimit

# Lookups of keys that never worked in this process; bursts of five seconds' worth.
STRANGERS_PER_SECOND = 2
# While made-up keys exhaust that rate, all keys are listed no more often than this.
LIST_SECONDS = 10
# How long a key may still read after its user was deleted or disabled. A token may do
# so until it expires, but a key never expires.
USER_SECONDS = 300


class BearerTokens:
    """The port `Tokens`. Keys are read on each call, so revoking one works at once.

    `lookup` checks that a key's user still exists and is enabled: at each call, but for
    reads only every few minutes. It is None only in development, which has no users.
    `rate`: reads of each key that has worked. All other keys share the rate
    `strangers`: anyone can make them up, and a read costs us. Beyond that rate, a key
    is looked up only if it is in the list of all keys, so that a flood of made-up keys
    can't lock out a valid one.
    """

    def __init__(
        self,
        *,
        firebase: Tokens,
        keys: ApiKeys,
        lookup: UserLookup | None = None,
        rate: RateLimit | None = None,
        strangers: RateLimit | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._firebase = firebase
        self._keys = keys
        self._lookup = lookup
        self._rate = rate or RateLimit(20)
        self._strangers = strangers or RateLimit(STRANGERS_PER_SECOND)
        self._working: set[str] = set()
        self._checked: dict[str, float] = {}
        self._clock = clock
        self._lock = Lock()
        self._listed: Set[str] = frozenset()
        self._list_after = -float("inf")

    def caller(
        self, authorization: str | None, *, check_revoked: bool = True
    ) -> Caller:
        token = bearer_token(authorization)
        if token.startswith(PREFIX):
            return self._of_key(token, check_revoked=check_revoked)
        return self._firebase.caller(authorization, check_revoked=check_revoked)

    def _of_key(self, secret: str, *, check_revoked: bool) -> Caller:
        """The caller is never an admin, even if the key's user is one."""
        if not is_secret(secret):
            raise Unauthenticated("malformed API key")
        key = self._working_key(sha256_of(secret))
        if key.follows_user and self._lookup:
            age = 0 if check_revoked else USER_SECONDS
            self._check_user(key.user_id, self._lookup, max_age_seconds=age)
        return Caller(user_id=key.user_id, key_id=key.key_id)

    def _check_user(
        self, user_id: str, lookup: UserLookup, *, max_age_seconds: float
    ) -> None:
        now = self._clock()
        if now - self._checked.get(user_id, -float("inf")) >= max_age_seconds:
            lookup.check(user_id)
            self._checked[user_id] = now

    def _working_key(self, sha256: str) -> ApiKey:
        if sha256 not in self._working:
            try:
                self._strangers.take("")
            except TooManyRequests:
                if not self._is_listed(sha256):
                    raise
        if sha256 in self._working or sha256 in self._listed:
            self._rate.take(sha256)
        key = self._keys.find(sha256)
        if key is None or key.revoked_at is not None:
            self._working.discard(sha256)
            raise Unauthenticated("no such key, or it was revoked")
        self._working.add(sha256)
        return key

    def _is_listed(self, sha256: str) -> bool:
        with self._lock:
            now = self._clock()
            if now >= self._list_after:
                self._list_after = now + LIST_SECONDS
                keys = self._keys.all()
                self._listed = {key.sha256 for key in keys if key.revoked_at is None}
                seconds = max(LIST_SECONDS, len(keys) / STRANGERS_PER_SECOND)
                self._list_after = now + seconds
            return sha256 in self._listed
