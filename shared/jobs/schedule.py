"""Schedule a job's next step: the task named for its current version."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain import timing
from shared.domain.job import Job
from shared.domain.naming import task_name
from shared.domain.next_action import Start, next_action
from shared.ports.store import Queue, StepTask


def nth_retry(overdue_by: timedelta) -> int:
    """Which retry is due: 1, 2, 3 … at 1, 2, 4 … minutes overdue, 0 before."""
    nth = 0
    while overdue_by >= timing.FIRST_RETRY_AFTER * 2**nth:
        nth += 1
    return nth


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScheduler:
    queue: Queue

    def schedule_step(
        self, job: Job, at: datetime | None = None, *, nth: int = 0
    ) -> None:
        """Make sure that the current version's task exists; an ended job has none.

        `nth` above 0 gives it another name, because the first may be used up.
        """
        due = at or job.wake_at
        if job.is_final or due is None:
            return
        self.queue.enqueue(
            StepTask(
                job_id=job.job_id,
                name=task_name(job.job_id, job.version, nth),
                at=due,
                is_start=isinstance(next_action(job, due), Start),
            )
        )
