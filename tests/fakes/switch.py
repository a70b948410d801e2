"""The kill switch's document in memory: real preconditions, trouble on request."""

import threading

from shared.domain.errors import CommitUncertain, LostRace, ReelayError, Unreachable
from shared.domain.kill_switch import Switch
from shared.ports.store import Versioned
from tests.fakes.jobs import Trouble


class FakeSwitchStore:
    """`troubles` and `read_failures` are met by the next calls, in their order."""

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []
        self.read_failures: list[ReelayError] = []
        self.reads = 0
        self.commits = 0
        self._switch = Switch()
        self._lock = threading.RLock()

    def read(self) -> Versioned[Switch]:
        with self._lock:
            self.reads += 1
            if self.read_failures:
                raise self.read_failures.pop(0)
            return Versioned(value=self._switch, token=self.commits or None)

    def commit(self, before: Versioned[Switch], after: Switch) -> None:
        with self._lock:
            trouble = self.troubles.pop(0) if self.troubles else Trouble.NONE
            if trouble is Trouble.UNREACHABLE:
                raise Unreachable("scripted")
            if trouble is Trouble.LOST_RACE or before.token != (self.commits or None):
                raise LostRace("somebody was faster")
            if trouble is not Trouble.NOT_APPLIED:
                self.put(after)
        if trouble in (Trouble.APPLIED, Trouble.NOT_APPLIED):
            raise CommitUncertain("scripted")

    def put(self, switch: Switch) -> None:
        """As if somebody else had committed it."""
        self._switch = switch
        self.commits += 1
