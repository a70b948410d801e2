"""API keys in memory, with real preconditions and scripted failures."""

from collections.abc import Sequence
from datetime import datetime

from shared.domain.api_key import ApiKey
from shared.domain.errors import LostRace, ReelayError
from shared.domain.structs import replace
from tests.fakes.jobs import Trouble, answer, meet


class FakeKeys:
    """The next calls meet `troubles` and raise `read_failures`, one each, in order.

    `looked_up` are the hashes looked up, `lists` counts listings of all keys.
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
        # Like Firestore's, it takes any prefix of a hash.
        return next((k for h, k in self._keys.items() if h.startswith(key_id)), None)

    def add(self, key: ApiKey) -> None:
        if key.sha256 in self._keys:
            raise LostRace("it exists")
        self._commit(key)

    def all(self) -> Sequence[ApiKey]:
        self.lists += 1
        if self.read_failures:
            raise self.read_failures.pop(0)
        return sorted(self._keys.values(), key=lambda k: k.created_at, reverse=True)

    def revoke(self, key: ApiKey, at: datetime) -> None:
        known = self._keys.get(key.sha256)
        if known and known.revoked_at is None:
            self._commit(replace(known, revoked_at=at))

    def _commit(self, key: ApiKey) -> None:
        trouble = meet(self.troubles)
        if trouble is not Trouble.NOT_APPLIED:
            self._keys[key.sha256] = key
        answer(trouble)
