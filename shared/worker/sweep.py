"""Wake what got stuck, under names not yet used; end what is past all limits.

Once an hour, as it comes by every minute, it has the ledger looked at as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from shared.domain import timing
from shared.domain.errors import CommitUncertain, LostRace, Unreachable, Unreadable
from shared.domain.naming import task_name
from shared.jobs.events import log_abandoned
from shared.jobs.schedule import nth_retry
from shared.ports.store import (
    Clock,
    JobQueries,
    Jobs,
    Overdue,
    Queue,
    StepTask,
)

log = structlog.get_logger()

MOST_AT_ONCE = 500
BALANCE_AT_MINUTE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    jobs: Jobs
    queries: JobQueries
    queue: Queue
    clock: Clock
    balance: Callable[[], int]

    def __call__(self) -> int:
        """How many jobs were woken."""
        now = self.clock.now()
        stuck = self.queries.overdue(now - timing.FIRST_RETRY_AFTER, most=MOST_AT_ONCE)
        expired = [job for job in stuck if self._is_expired(job, now)]
        for job in expired:
            self._end(job, now)
        waiting = [job for job in stuck if job not in expired]
        for job in waiting:
            self._wake(job, now)
        log.info("sweep_ran", woken=len(waiting), ended=len(expired))
        if now.minute == BALANCE_AT_MINUTE:
            self._look_at_ledger()
        return len(waiting)

    def _look_at_ledger(self) -> None:
        """It can wait for the next hour: waking jobs can't."""
        try:
            self.balance()
        except Unreachable as error:
            log.warning("ledger_not_checked", why=str(error))

    def _is_expired(self, job: Overdue, now: datetime) -> bool:
        """Past all limits; or past its deadline, and nobody can read it."""
        if now < job.deadline_at:
            return False
        if now >= job.deadline_at + timing.STORE_LIMIT + timing.ATTEMPT_LIMIT:
            return True
        try:
            self.jobs.read(job.job_id)
        except Unreadable:
            return True
        except Unreachable:
            return False
        return False

    def _end(self, job: Overdue, now: datetime) -> None:
        """By its raw fields, whatever else is in it; again in a minute if unclear."""
        log.error("job_abandoned", job_id=job.job_id, overdue_since=job.wake_at)
        try:
            self.jobs.abandon(job.job_id, now)
        except (LostRace, CommitUncertain, Unreachable) as error:
            log.warning("job_not_abandoned", job_id=job.job_id, why=str(error))
            return
        log_abandoned(job.job_id)

    def _wake(self, job: Overdue, now: datetime) -> None:
        nth = nth_retry(now - job.wake_at)
        log.warning("overdue_job_woken", job_id=job.job_id, nth=nth)
        name = task_name(job.job_id, job.version, nth)
        self.queue.enqueue(
            StepTask(job_id=job.job_id, name=name, at=now, is_start=False)
        )
