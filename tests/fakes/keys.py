"""The API keys in memory: real preconditions, and trouble on request."""

from collections.abc import Sequence
from datetime import datetime

from shared.domain.api_key import ApiKey
from shared.domain.errors import CommitUncertain, LostRace, ReelayError, Unreachable
from shared.domain.structs import replace
from tests.fakes.jobs import Trouble


class FakeKeys:
    """`troubles` and `read_failures` are met by the next calls, in their order.

    `looked_up`: every hash that was asked for. `lists`: how often all were.
    """

    def __init__(self, *keys: ApiKey) -> None:
        self.troubles: list[Trouble] = []
        self.read_failures: list[ReelayError] = []
        self.looked_up: list[str] = []
        self.lists = 0
        self._keys = {key.sha256: key for key in keys}

    def find(self, sha256: str) -> ApiKey | None:
        self.looked_up.append(sha256)
        if self.read_failures:
            raise self.read_failures.pop(0)
        return self._keys.get(sha256)

    def with_id(self, key_id: str) -> ApiKey | None:
        if self.read_failures:
            raise self.read_failures.pop(0)
        return next((k for k in self._keys.values() if k.key_id == key_id), None)

    def add(self, key: ApiKey) -> None:
        if key.sha256 in self._keys:
            raise LostRace("it exists")
        self._commit(key)

    def all(self) -> Sequence[ApiKey]:
        self.lists += 1
        return sorted(self._keys.values(), key=lambda k: k.created_at, reverse=True)

    def revoke(self, key: ApiKey, at: datetime) -> None:
        known = self._keys.get(key.sha256)
        if known and known.revoked_at is None:
            self._commit(replace(known, revoked_at=at))

    def _commit(self, key: ApiKey) -> None:
        trouble = self.troubles.pop(0) if self.troubles else Trouble.NONE
        if trouble is Trouble.UNREACHABLE:
            raise Unreachable("scripted")
        if trouble is Trouble.LOST_RACE:
            raise LostRace("scripted")
        if trouble is not Trouble.NOT_APPLIED:
            self._keys[key.sha256] = key
        if trouble in (Trouble.APPLIED, Trouble.NOT_APPLIED):
            raise CommitUncertain("scripted")
