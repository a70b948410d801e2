"""How a job gets its next step: the task of its current version."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.job import Job
from shared.domain.lifecycle import Start, next_action
from shared.domain.naming import task_name
from shared.ports import Queue, Wake


@dataclass(frozen=True, slots=True, kw_only=True)
class Waker:
    queue: Queue

    def wake(self, job: Job, at: datetime | None = None) -> None:
        """The current version's task exists from here on; an ended job has none."""
        due = at or job.wake_at
        if job.is_final or due is None:
            return
        self.queue.enqueue(
            Wake(
                job_id=job.job_id,
                name=task_name(job.job_id, job.version),
                at=due,
                is_start=isinstance(next_action(job, due), Start),
            )
        )
