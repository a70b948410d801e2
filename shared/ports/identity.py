"""Ports of authentication: tokens, API keys and the callers of private functions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from shared.domain.api_key import ApiKey


class Caller(Struct, frozen=True, kw_only=True):
    """An authenticated caller. `user_id` is at most 128 characters, without a slash.

    `key_id` is the API key that was used; None for a Firebase ID token.
    """

    user_id: str
    is_admin: bool = False
    key_id: str | None = None


class Tokens(Protocol):
    def caller(
        self, authorization: str | None, *, check_revoked: bool = True
    ) -> Caller:
        """The caller that the Authorization header authenticates.

        Unauthenticated, or Forbidden for an anonymous or unverified user.
        `check_revoked`: look up whether the token was revoked, or its user disabled;
        an administrator's token is looked up in any case.
        """
        ...


class ApiKeys(Protocol):
    """API keys, stored under the SHA-256 of their secret, without the secret."""

    def find(self, sha256: str) -> ApiKey | None: ...

    def with_id(self, key_id: str) -> ApiKey | None:
        """The key with this `key_id`, even if it was revoked."""
        ...

    def add(self, key: ApiKey) -> None:
        """LostRace if the hash is taken."""
        ...

    def all(self) -> Sequence[ApiKey]:
        """Every key, revoked ones included, newest first."""
        ...

    def revoke(self, key: ApiKey, at: datetime) -> None:
        """Permanent. A key that was already revoked keeps its first `revoked_at`."""
        ...


class Callers(Protocol):
    def check(self, authorization: str | None) -> None:
        """Unauthenticated or Forbidden if the token is not the invoker's."""
        ...
