"""Cancel a job: at once if nothing was paid for, else after one more poll."""

import structlog
from msgspec import Struct

from shared.domain.errors import Conflict, ConflictReason, NotFound, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import CancelRequested
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import Jobs
from shared.usecases.read_videos import own_job

log = structlog.get_logger()


class CancelVideo(Struct, frozen=True, kw_only=True):
    jobs: Jobs
    committer: JobCommitter
    scheduler: TaskScheduler

    def __call__(self, caller: Caller, job_id: str) -> Job:
        """The job, ended or about to end. Conflict if it had ended. Idempotent.

        A video that is already made is still stored, and the job completes.
        """
        before = own_job(self.jobs, caller, job_id)
        after = self.committer.commit(before, CancelRequested())
        if after is None:
            raise NotFound(job_id)
        if after.value.cancel_requested_at is None:
            raise Conflict(reason=ConflictReason.JOB_ENDED)
        if before.value.cancel_requested_at is None:
            _log_cancelled(caller, job_id)
        self._schedule(after.value)
        return after.value

    def _schedule(self, job: Job) -> None:
        try:
            self.scheduler.schedule_step(job)
        except Unreachable:
            # The request is committed, and the sweep wakes jobs without a task.
            log.warning("job_not_enqueued", job_id=job.job_id)


def _log_cancelled(caller: Caller, job_id: str) -> None:
    log.info(
        "video_cancelled",
        audit=True,
        job_id=job_id,
        user_id=caller.user_id,
        key_id=caller.key_id,
    )
