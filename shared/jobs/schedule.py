"""Schedules a job's next step or webhook, as a task named for the current version."""

from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from shared.domain import timing
from shared.domain.errors import Unreachable
from shared.domain.job import Job
from shared.domain.naming import answer_task_name, task_name, webhook_task_name
from shared.domain.next_action import Spending, next_action
from shared.ports.store import PendingAnswer, Queue, Task, TaskQueue

log = structlog.get_logger()

# Each next one is scheduled later by as much as the last was early: two usually do.
MAX_EARLY_TASKS = 10


def nth_retry(overdue_by: timedelta) -> int:
    """The number of the retry that is due: 1, 2, 3, 4, 5, 6 … at 1, 2, 4, 8, 16, 24 …
    minutes; 0 before.
    """
    nth, due = 0, timing.FIRST_RETRY_AFTER
    while overdue_by >= due:
        nth += 1
        due += min(due, timing.MAX_RETRY_SPACING)
    return nth


def nth_after_early_task(job: Job, task: str | None) -> int:
    """The `nth` of the next task after one that arrived before its time: 0, -1, -2 …

    If the running task is the current version's own, its name is used up. `task`: its
    name; None for a call that no task made.
    """
    own = [task_name(job.job_id, job.version, -n) for n in range(MAX_EARLY_TASKS)]
    return -1 - own.index(task) if task in own else 0


class TaskScheduler(Struct, frozen=True, kw_only=True):
    queue: Queue

    def schedule_step(
        self, job: Job, at: datetime | None = None, *, nth: int = 0
    ) -> None:
        """Make sure that the current version's task exists; for an ended job, that of
        its webhook.

        An `nth` other than 0 gives the task another name, if the first may be used up.
        """
        if job.is_final:
            self.schedule_webhook(job)
        elif due := at or job.wake_at:
            is_start = isinstance(next_action(job, due), Spending)
            queue = TaskQueue.STARTS if is_start else TaskQueue.STEPS
            name = task_name(job.job_id, job.version, nth)
            self.queue.enqueue(Task(job_id=job.job_id, name=name, at=due, queue=queue))

    def try_to_schedule_step(self, job: Job) -> None:
        """Like `schedule_step`, for a job that is committed: if the queue doesn't
        answer, the sweep enqueues it.
        """
        try:
            self.schedule_step(job)
        except Unreachable:
            log.warning("job_not_enqueued", job_id=job.job_id)

    def schedule_webhook(self, job: Job) -> None:
        """Make sure that the webhook's next attempt, if there is one, has its task."""
        webhook = job.webhook
        if webhook is None or webhook.due_at is None:
            return
        name = webhook_task_name(job.job_id, webhook.attempts)
        queue, at = TaskQueue.WEBHOOKS, webhook.due_at
        self.queue.enqueue(Task(job_id=job.job_id, name=name, at=at, queue=queue))

    def schedule_answer(
        self, job_id: str, answer: PendingAnswer, now: datetime
    ) -> None:
        """Keep an answer that the store doesn't take, in tasks that try to record it.

        A task that can't either calls this again, so that as many are always to come,
        until vendors may have deleted the result. Their names make it idempotent.
        """
        if answer.kept_at is None:
            return
        first = (now - answer.kept_at) // timing.ANSWER_SPACING
        last = timing.STORE_LIMIT // timing.ANSWER_SPACING
        for nth in range(first, min(first + timing.ANSWER_TASKS, last + 1)):
            self.queue.enqueue(
                Task(
                    job_id=job_id,
                    name=answer_task_name(job_id, answer.attempt_id, nth),
                    at=answer.kept_at + nth * timing.ANSWER_SPACING,
                    queue=TaskQueue.STEPS,
                    answer=answer,
                )
            )

    def schedule_after_early_task(
        self, job: Job, until: datetime, now: datetime, task: str | None
    ) -> None:
        """Make sure that there is a next task after one that arrived before its time.

        Where clocks differ, a task that was early will be early again, so the next one
        is scheduled later by as much. `task`: as in `nth_after_early_task`.
        """
        nth = nth_after_early_task(job, task)
        if nth and job.wake_at:
            until += min(max(job.wake_at - now, timedelta(0)), timing.WAKE_TOLERANCE)
        self.schedule_step(job, until, nth=nth)
