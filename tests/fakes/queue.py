"""The two queues in memory, held to the same contract as the real ones."""

from shared.domain.errors import ReelayError
from shared.ports.store import StepTask


class FakeQueue:
    """`tasks`: what was enqueued and not taken, in order.

    Each error in `failures` is raised by one of the next calls, in their order.
    """

    def __init__(self) -> None:
        self.tasks: list[StepTask] = []
        self.failures: list[ReelayError] = []
        self._used: set[tuple[bool, str]] = set()

    def enqueue(self, task: StepTask) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if (task.is_start, task.name) not in self._used:
            self._used.add((task.is_start, task.name))
            self.tasks.append(task)

    def take(self) -> StepTask | None:
        """The earliest task, removed; its name stays blocked. None when empty."""
        if not self.tasks:
            return None
        first = min(self.tasks, key=lambda task: task.at)
        self.tasks.remove(first)
        return first
