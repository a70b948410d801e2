"""Who is calling, and by which token or key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.api_key import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling. `user_id` is at most 128 characters, without a slash.

    `key_id`: the API key that they came with; None for a Firebase ID token.
    """

    user_id: str
    is_admin: bool = False
    key_id: str | None = None


class Tokens(Protocol):
    def caller(
        self, authorization: str | None, *, check_revoked: bool = True
    ) -> Caller:
        """Whose token or API key the header holds.

        Unauthenticated for any other; Forbidden for an anonymous or unverified user.
        `check_revoked`: look up whether the token was revoked, or its user disabled.
        """
        ...


class ApiKeys(Protocol):
    """The API keys, kept by the SHA-256 of their secret alone."""

    def find(self, sha256: str) -> ApiKey | None: ...

    def add(self, key: ApiKey) -> None:
        """LostRace where the hash is taken."""
        ...

    def all(self) -> Sequence[ApiKey]:
        """Every key, revoked ones too, the newest first."""
        ...

    def revoke(self, key: ApiKey, at: datetime) -> None:
        """Once and for all; repeated, the first time stays."""
        ...


class Callers(Protocol):
    def check(self, authorization: str | None) -> None:
        """Unauthenticated or Forbidden where the token isn't the invoker's own."""
        ...
