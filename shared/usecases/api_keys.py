"""Operators create, list and revoke API keys."""

from collections.abc import Callable, Sequence

import structlog
from msgspec import Struct

from shared.domain.api_key import (
    ENTROPY_BYTES,
    ApiKey,
    is_id,
    is_name,
    is_secret,
    secret_of,
    sha256_of,
)
from shared.domain.errors import (
    BadContent,
    CommitUncertain,
    Conflict,
    LostRace,
    NotFound,
    Unreachable,
)
from shared.domain.user_id import is_user_id
from shared.ports.identity import ApiKeys
from shared.ports.store import Clock

log = structlog.get_logger()


class KeyRing(Struct, frozen=True, kw_only=True):
    """`random_bytes(count)` is a cryptographically secure source.

    Every method may raise Unreachable. Error messages are sentences for the operator.
    """

    keys: ApiKeys
    clock: Clock
    random_bytes: Callable[[int], bytes]

    def create(
        self, name: str, user_id: str, *, follows_user: bool = False
    ) -> tuple[ApiKey, str]:
        """The key and its secret, which isn't stored; BadContent for a bad argument."""
        if not is_name(name):
            raise BadContent("A key's name is 1 to 100 printable characters.")
        if not is_user_id(user_id):
            raise BadContent("A user id is 1 to 128 characters without a slash.")
        secret = secret_of(self.random_bytes(ENTROPY_BYTES))
        key = ApiKey(
            sha256=sha256_of(secret),
            name=name,
            user_id=user_id,
            created_at=self.clock.now(),
            follows_user=follows_user,
        )
        self._add(key)
        log.info("key_created", audit=True, key_id=key.key_id, user_id=user_id)
        return key, secret

    def list(self) -> Sequence[ApiKey]:
        """All keys, revoked ones included, newest first."""
        return self.keys.all()

    def revoke(self, named: str) -> ApiKey:
        """Revoke the key with this id or secret or, if it is unambiguous, this name.

        NotFound; Conflict if several keys have the name. Idempotent.
        """
        key = self._find(named)
        if key.revoked_at is not None:
            return key
        revoked = self._commit_revocation(key)
        log.info("key_revoked", audit=True, key_id=key.key_id, user_id=key.user_id)
        return revoked

    def _add(self, key: ApiKey) -> None:
        try:
            self.keys.add(key)
        except (LostRace, CommitUncertain) as error:
            # A retried commit may have lost the race to its own first try.
            if self.keys.find(key.sha256) != key:
                raise Unreachable("the key was not created") from error

    def _commit_revocation(self, key: ApiKey) -> ApiKey:
        failure: Exception | None = None
        try:
            self.keys.revoke(key, self.clock.now())
        except (LostRace, CommitUncertain) as error:
            failure = error
        found = self.keys.find(key.sha256)
        if found is None or found.revoked_at is None:
            raise Unreachable("the key was not revoked") from failure
        return found

    def _find(self, named: str) -> ApiKey:
        # An id or a secret is found even if the record of another key is malformed.
        if is_secret(named):
            if key := self.keys.find(sha256_of(named)):
                return key
            raise NotFound("There is no such key.")
        if is_id(named) and (key := self.keys.with_id(named)):
            return key
        found = [key for key in self.keys.all() if key.name == named]
        # If a name was reused, it means the key that is not revoked.
        found = [key for key in found if key.revoked_at is None] or found[:1]
        if not found:
            raise NotFound(f"There is no key {named!r}.")
        if len(found) > 1:
            raise Conflict(f"{len(found)} keys are named {named!r}: give an id.")
        return found[0]
