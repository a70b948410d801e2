"""Deletes a finished job: first its files, then its record."""

from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from shared.domain.errors import (
    CommitUncertain,
    Conflict,
    ConflictReason,
    LostRace,
    Unreachable,
)
from shared.domain.job import Job
from shared.domain.naming import upload_object
from shared.domain.request import Frame
from shared.jobs.cleanup import delete_job_objects
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.jobs.events import log_by_caller
from shared.ports.identity import Caller
from shared.ports.storage import Bucket
from shared.ports.store import JobQueries, Jobs, Versioned
from shared.usecases.read_videos import own_job


class DeleteVideo(Struct, frozen=True, kw_only=True):
    """A call that dies halfway leaves the record, so repeating the call completes it.

    If two calls delete the same job, one of them may raise NotFound.
    """

    jobs: Jobs
    queries: JobQueries
    bucket: Bucket
    pause: Callable[[float], None]

    def __call__(self, caller: Caller, job_id: str) -> None:
        """NotFound as in `own_job`; Conflict while the job is being processed.

        Its idempotency record, ledger entries and usage are kept.
        """
        found = own_job(self.jobs, caller, job_id)
        if not found.value.is_final:
            raise Conflict(reason=ConflictReason.JOB_OPEN)
        delete_job_objects(self.bucket, found.value)
        self._delete_uploads(found.value)
        self._delete_record(found)
        # A concurrent step may have written files in the meantime. One that writes
        # later finds no record, and deletes its files itself.
        delete_job_objects(self.bucket, found.value)
        log_by_caller("video_deleted", caller, job_id)

    def _delete_uploads(self, job: Job) -> None:
        """Keeps images that another job also names, since it may yet fetch them."""
        sources = (job.request.source(frame) for frame in Frame)
        for image in {source.upload for source in sources if source}:
            if image and not self.queries.is_image_of_others(
                job.user_id, image, job.job_id
            ):
                self.bucket.delete(upload_object(job.user_id, image))

    def _delete_record(self, found: Versioned[Job]) -> None:
        """A finished job stays finished: only a refresh of its URLs can win a race."""
        for nth in tries(SHORT_BACKOFF, self.pause):
            current = self.jobs.read(found.value.job_id) if nth else found
            if current is None:
                return
            with suppress(LostRace, CommitUncertain):
                self.jobs.delete(current)
                return
        raise Unreachable(f"job {found.value.job_id}: the deletion is uncertain")
