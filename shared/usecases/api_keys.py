"""API keys: operators create, list and revoke them."""

from collections.abc import Callable, Sequence

import structlog
from msgspec import Struct

from shared.domain.api_key import ENTROPY_BYTES, ApiKey, is_name, secret_of, sha256_of
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

    def make(
        self, name: str, user_id: str, *, follows_user: bool = False
    ) -> tuple[ApiKey, str]:
        """The key and its secret, which is not stored; BadContent for a bad name."""
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
        log.info("key_made", audit=True, key_id=key.key_id, user_id=user_id)
        return key, secret

    def list(self) -> Sequence[ApiKey]:
        """All keys, revoked ones included, newest first."""
        return self.keys.all()

    def revoke(self, named: str) -> ApiKey:
        """Revoke the key with this id or, if it is unambiguous, this name.

        NotFound; Conflict if several keys have the name. Idempotent.
        """
        key = self._named(named)
        if key.revoked_at is not None:
            return key
        revoked = self._revoked(key)
        log.info("key_revoked", audit=True, key_id=key.key_id, user_id=key.user_id)
        return revoked

    def _add(self, key: ApiKey) -> None:
        try:
            self.keys.add(key)
        except (LostRace, CommitUncertain) as error:
            # A retried commit may have lost the race to its own first try.
            if self.keys.find(key.sha256) != key:
                raise Unreachable("the key was not made") from error

    def _revoked(self, key: ApiKey) -> ApiKey:
        trouble: Exception | None = None
        try:
            self.keys.revoke(key, self.clock.now())
        except (LostRace, CommitUncertain) as error:
            trouble = error
        found = self.keys.find(key.sha256)
        if found is None or found.revoked_at is None:
            raise Unreachable("the key was not revoked") from trouble
        return found

    def _named(self, named: str) -> ApiKey:
        known = self.keys.all()
        found = [key for key in known if key.key_id == named]
        found = found or [key for key in known if key.name == named]
        # A reused name means the key that still works.
        found = [key for key in found if key.revoked_at is None] or found[:1]
        if not found:
            raise NotFound(f"There is no key {named!r}.")
        if len(found) > 1:
            raise Conflict(f"{len(found)} keys are named {named!r}: give an id.")
        return found[0]
