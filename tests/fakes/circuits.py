"""Circuits in memory, with real preconditions and scripted failures."""

import threading
from collections.abc import Callable, Sequence

from shared.domain.circuit import Circuit
from shared.domain.errors import LostRace, ReelayError
from shared.ports.store import Versioned
from tests.fakes.jobs import Trouble, answer, meet


class FakeCircuits:
    """The next calls meet `troubles` and raise `read_failures`, one each, in order.

    `meanwhile`: what others do, once, between a read and the next commit.
    """

    def __init__(self) -> None:
        self.read_failures: list[ReelayError] = []
        self.troubles: list[Trouble] = []
        self.meanwhile: Callable[[], None] | None = None
        self.reads = 0
        self._kept: dict[str, tuple[Circuit, int]] = {}
        self._tokens = 0
        self._lock = threading.Lock()

    def read(self, keys: Sequence[str]) -> Sequence[Versioned[Circuit]]:
        self.reads += 1
        if self.read_failures:
            raise self.read_failures.pop(0)
        with self._lock:
            return [self._snapshot(key) for key in keys]

    def commit(self, changes: Sequence[tuple[Versioned[Circuit], Circuit]]) -> None:
        assert changes, "a call for nothing"
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        trouble = meet(self.troubles)
        with self._lock:
            for before, after in changes:
                if self._snapshot(after.key).token != before.token:
                    raise LostRace("somebody was faster")
            if trouble is not Trouble.NOT_APPLIED:
                for _, after in changes:
                    self._put(after)
        answer(trouble)

    def put(self, circuit: Circuit) -> None:
        """As if another instance had committed it."""
        with self._lock:
            self._put(circuit)

    def get(self, key: str) -> Circuit:
        return self._snapshot(key).value

    def _put(self, circuit: Circuit) -> None:
        self._tokens += 1
        self._kept[circuit.key] = (circuit, self._tokens)

    def _snapshot(self, key: str) -> Versioned[Circuit]:
        circuit, token = self._kept.get(key, (Circuit(key=key), None))
        return Versioned(value=circuit, token=token)
