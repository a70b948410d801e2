"""Wake what got stuck: jobs whose next step is overdue, under names not yet used."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from shared.domain.naming import task_name
from shared.ports import Clock, Jobs, Overdue, Queue, Wake
from shared.usecases.wake import FIRST_AFTER, nth_wake

log = structlog.get_logger()

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    jobs: Jobs
    queue: Queue
    clock: Clock

    def __call__(self) -> int:
        """How many jobs were woken."""
        now = self.clock.now()
        stuck = self.jobs.overdue(now - FIRST_AFTER, most=MOST_AT_ONCE)
        for job in stuck:
            self._wake(job, now)
        log.info("sweep_ran", woken=len(stuck))
        return len(stuck)

    def _wake(self, job: Overdue, now: datetime) -> None:
        nth = nth_wake(now - job.wake_at)
        log.warning("overdue_job_woken", job_id=job.job_id, nth=nth)
        name = task_name(job.job_id, job.version, nth)
        self.queue.enqueue(Wake(job_id=job.job_id, name=name, at=now, is_start=False))
