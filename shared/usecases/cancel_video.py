"""Cancels a job: immediately if nothing was paid for, otherwise after one more poll."""

from msgspec import Struct

from shared.domain.errors import Conflict, ConflictReason, NotFound
from shared.domain.job import Job
from shared.domain.outcomes import CancelRequested
from shared.jobs.commit import JobCommitter
from shared.jobs.events import log_by_caller
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import Jobs
from shared.usecases.read_videos import own_job


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
            log_by_caller("video_cancelled", caller, job_id)
        self.scheduler.try_to_schedule_step(after.value)
        return after.value
