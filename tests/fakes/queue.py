"""The two queues in memory, held to the same contract as the real ones."""

from shared.domain.errors import ReelayError
from shared.ports.store import StepTask


class FakeQueue:
    """`wakes`: what was enqueued and not taken, in order.

    Each error in `failures` is raised by one of the next calls, in their order.
    """

    def __init__(self) -> None:
        self.wakes: list[StepTask] = []
        self.failures: list[ReelayError] = []
        self._used: set[tuple[bool, str]] = set()

    def enqueue(self, wake: StepTask) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if (wake.is_start, wake.name) not in self._used:
            self._used.add((wake.is_start, wake.name))
            self.wakes.append(wake)

    def take(self) -> StepTask | None:
        """The earliest wake, removed; its name stays blocked. None when empty."""
        if not self.wakes:
            return None
        first = min(self.wakes, key=lambda wake: wake.at)
        self.wakes.remove(first)
        return first
