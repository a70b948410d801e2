"""How long vendors took, in memory: real preconditions, trouble on request."""

from shared.domain.errors import LostRace, ReelayError
from shared.domain.poll_plan import TaskTimes
from shared.ports.store import Versioned


class FakeTaskTimes:
    """Each error in `read_failures` and `failures` is raised by one next call."""

    def __init__(self) -> None:
        self.times = TaskTimes()
        self.read_failures: list[ReelayError] = []
        self.failures: list[ReelayError] = []
        self.reads = 0
        self.commits = 0

    def read(self) -> Versioned[TaskTimes]:
        self.reads += 1
        if self.read_failures:
            raise self.read_failures.pop(0)
        return Versioned(value=self.times, token=self.commits or None)

    def commit(self, before: Versioned[TaskTimes], after: TaskTimes) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if before.token != (self.commits or None):
            raise LostRace("somebody was faster")
        self.commits += 1
        self.times = after
