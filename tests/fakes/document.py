"""One document in memory, with real preconditions and scripted failures."""

import threading
from typing import Generic, TypeVar

from shared.domain.errors import LostRace, ReelayError
from shared.ports.store import Versioned
from tests.fakes.jobs import Trouble, answer, meet

T = TypeVar("T")


class FakeDocument(Generic[T]):
    """The next calls meet `troubles` and raise `read_failures`, one each, in order."""

    def __init__(self, value: T) -> None:
        self.value = value
        self.troubles: list[Trouble] = []
        self.read_failures: list[ReelayError] = []
        self.reads = self.commits = 0
        self._lock = threading.RLock()

    def read(self) -> Versioned[T]:
        with self._lock:
            self.reads += 1
            if self.read_failures:
                raise self.read_failures.pop(0)
            return Versioned(value=self.value, token=self.commits or None)

    def commit(self, before: Versioned[T], after: T) -> None:
        with self._lock:
            trouble = meet(self.troubles)
            if before.token != (self.commits or None):
                raise LostRace("somebody was faster")
            if trouble is not Trouble.NOT_APPLIED:
                self.put(after)
        answer(trouble)

    def put(self, value: T) -> None:
        """As if another process had committed it."""
        self.value = value
        self.commits += 1
