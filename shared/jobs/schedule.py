"""Schedule a job's next step, or its webhook: the task named for how it is now."""

from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain import timing
from shared.domain.job import Job
from shared.domain.naming import task_name, webhook_task_name
from shared.domain.next_action import Spending, next_action
from shared.ports.store import Queue, StepTask, WebhookTask

# Each next one comes later by as much as the last was early: two nearly always do.
MOST_RETURNS = 10


def nth_retry(overdue_by: timedelta) -> int:
    """Which retry is due: 1, 2, 3 … at 1, 2, 4 … minutes overdue, 0 before."""
    nth = 0
    while overdue_by >= timing.FIRST_RETRY_AFTER * 2**nth:
        nth += 1
    return nth


def nth_return(job: Job, now: datetime, task: str | None) -> int:
    """The `nth` for the next task after one that came before its time: 0, -1, -2 …

    If the task that is running is the current version's own, its name is used up.
    `task`: its name; None if that is not known: within the tolerance it counts as own.
    """
    if task is None:
        is_own = job.wake_at is not None and job.wake_at <= now + timing.WAKE_TOLERANCE
        return -1 if is_own else 0
    own = [task_name(job.job_id, job.version, -n) for n in range(MOST_RETURNS)]
    return -1 - own.index(task) if task in own else 0


class TaskScheduler(Struct, frozen=True, kw_only=True):
    queue: Queue

    def schedule_step(
        self, job: Job, at: datetime | None = None, *, nth: int = 0
    ) -> None:
        """Make sure that the current version's task exists; an ended job has none but
        its webhook's.

        Another `nth` than 0 gives it another name, because the first may be used up.
        """
        if job.is_final:
            self.schedule_webhook(job)
            return
        due = at or job.wake_at
        if due is None:
            return
        self.queue.enqueue(
            StepTask(
                job_id=job.job_id,
                name=task_name(job.job_id, job.version, nth),
                at=due,
                is_start=isinstance(next_action(job, due), Spending),
            )
        )

    def schedule_webhook(self, job: Job) -> None:
        """Make sure that its next attempt's task exists, if there is to be one."""
        webhook = job.webhook
        if webhook is None or webhook.due_at is None:
            return
        name = webhook_task_name(job.job_id, webhook.attempts)
        self.queue.enqueue_webhook(
            WebhookTask(job_id=job.job_id, name=name, at=webhook.due_at)
        )

    def schedule_return(
        self, job: Job, until: datetime, now: datetime, task: str | None
    ) -> None:
        """A next task exists in any case, after one that came before its time.

        A task that is early by the clocks' difference is early again: the next one
        comes later by as much. `task`: as in `nth_return`.
        """
        nth = nth_return(job, now, task)
        if nth and job.wake_at:
            until += min(max(job.wake_at - now, timedelta(0)), timing.WAKE_TOLERANCE)
        self.schedule_step(job, until, nth=nth)
