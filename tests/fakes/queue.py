"""The queues in memory, held to the same contract tests as the real ones."""

from shared.domain.errors import ReelayError
from shared.ports.store import StepTask, WebhookTask


class FakeQueue:
    """`tasks` and `webhooks` are those enqueued and not yet taken, in order.

    The next calls raise the errors in `failures`, one each, in order.
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
        """Like `take`, for webhooks."""
        if not self.webhooks:
            return None
        first = min(self.webhooks, key=lambda task: task.at)
        self.webhooks.remove(first)
        return first

    def take(self) -> StepTask | None:
        """Remove and return the earliest task, or None; its name stays blocked."""
        if not self.tasks:
            return None
        first = min(self.tasks, key=lambda task: task.at)
        self.tasks.remove(first)
        return first
