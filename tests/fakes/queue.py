"""The queues in memory, held to the same contract tests as the real ones."""

from shared.domain.errors import ReelayError
from shared.ports.store import Task, TaskQueue


class FakeQueue:
    """`tasks` and `webhooks` are those enqueued and not yet taken, in order.

    The next calls raise the errors in `failures`, one each, in order.
    """

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.failures: list[ReelayError] = []
        self.webhooks: list[Task] = []
        self._used: set[tuple[TaskQueue, str]] = set()

    def enqueue(self, task: Task) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if (task.queue, task.name) not in self._used:
            self._used.add((task.queue, task.name))
            is_webhook = task.queue is TaskQueue.WEBHOOKS
            (self.webhooks if is_webhook else self.tasks).append(task)

    def take_webhook(self) -> Task | None:
        """Like `take`, for webhooks."""
        if not self.webhooks:
            return None
        first = min(self.webhooks, key=lambda task: task.at)
        self.webhooks.remove(first)
        return first

    def take(self) -> Task | None:
        """Remove and return the earliest task, or None; its name stays blocked."""
        if not self.tasks:
            return None
        first = min(self.tasks, key=lambda task: task.at)
        self.tasks.remove(first)
        return first
