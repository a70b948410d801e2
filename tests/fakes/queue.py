"""The queues in memory, held to the same contract as the real ones."""

from shared.domain.errors import ReelayError
from shared.ports.store import StepTask, WebhookTask


class FakeQueue:
    """`tasks`, `webhooks`: what was enqueued and not taken, in order.

    Each error in `failures` is raised by one of the next calls, in their order.
    """

    def __init__(self) -> None:
        self.tasks: list[StepTask] = []
        self.failures: list[ReelayError] = []
        self.webhooks: list[WebhookTask] = []
        self._used: set[tuple[bool | None, str]] = set()

    def enqueue(self, task: StepTask) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if (task.is_start, task.name) not in self._used:
            self._used.add((task.is_start, task.name))
            self.tasks.append(task)

    def enqueue_webhook(self, task: WebhookTask) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if (None, task.name) not in self._used:
            self._used.add((None, task.name))
            self.webhooks.append(task)

    def take_webhook(self) -> WebhookTask | None:
        """As `take`."""
        if not self.webhooks:
            return None
        first = min(self.webhooks, key=lambda task: task.at)
        self.webhooks.remove(first)
        return first

    def take(self) -> StepTask | None:
        """The earliest task, removed; its name stays blocked. None when empty."""
        if not self.tasks:
            return None
        first = min(self.tasks, key=lambda task: task.at)
        self.tasks.remove(first)
        return first
