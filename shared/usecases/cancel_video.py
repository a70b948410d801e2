"""Cancel a job: end what costs nothing yet, and have the rest looked at once more."""

from dataclasses import dataclass

import structlog

from shared.domain.errors import Conflict, ConflictReason, NotFound, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import CancelRequested
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import Jobs
from shared.usecases.read_videos import own_job

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelVideo:
    jobs: Jobs
    committer: JobCommitter
    scheduler: TaskScheduler

    def __call__(self, caller: Caller, job_id: str) -> Job:
        """The job, ended or about to end; repeated, the same. Conflict: it had ended.

        What was already made is still stored, and the job completes.
        """
        before = own_job(self.jobs, caller, job_id)
        after = self.committer.commit(before, CancelRequested())
        if after is None:
            raise NotFound(job_id)
        if after.value.cancel_requested_at is None:
            raise Conflict(reason=ConflictReason.JOB_ENDED)
        if before.value.cancel_requested_at is None:
            _put_on_record(caller, job_id)
        self._wake(after.value)
        return after.value

    def _wake(self, job: Job) -> None:
        try:
            self.scheduler.schedule_step(job)
        except Unreachable:
            # The request is committed: the sweep wakes what has no task.
            log.warning("job_not_enqueued", job_id=job.job_id)


def _put_on_record(caller: Caller, job_id: str) -> None:
    log.info(
        "video_cancelled",
        audit=True,
        job_id=job_id,
        user_id=caller.user_id,
        key_id=caller.key_id,
    )
