"""Delete a finished job: first its files, then its record."""

from collections.abc import Callable
from contextlib import suppress

import structlog
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
from shared.ports.identity import Caller
from shared.ports.storage import Bucket
from shared.ports.store import JobQueries, Jobs, Versioned
from shared.usecases.read_videos import own_job

log = structlog.get_logger()


class DeleteVideo(Struct, frozen=True, kw_only=True):
    """A call that dies halfway leaves the record, so repeating it finishes the job.

    Of two calls for the same job, one may raise NotFound.
    """

    jobs: Jobs
    queries: JobQueries
    bucket: Bucket
    pause: Callable[[float], None]

    def __call__(self, caller: Caller, job_id: str) -> None:
        """NotFound as in `own_job`; Conflict while the job is processed.

        Its idempotency record, ledger entries and usage are kept.
        """
        found = own_job(self.jobs, caller, job_id)
        if not found.value.is_final:
            raise Conflict(reason=ConflictReason.JOB_OPEN)
        self._remove_files(found.value)
        self._remove_record(found)
        # A step in progress may have written files meanwhile. One that writes after
        # this finds no record and removes its files itself.
        delete_job_objects(self.bucket, found.value)
        log.info(
            "video_deleted",
            audit=True,
            job_id=job_id,
            user_id=caller.user_id,
            key_id=caller.key_id,
        )

    def _remove_files(self, job: Job) -> None:
        delete_job_objects(self.bucket, job)
        self._remove_uploads(job)

    def _remove_uploads(self, job: Job) -> None:
        """Kept while another job names the same image, since it may yet fetch it."""
        sources = (job.request.source(frame) for frame in Frame)
        for image in {source.upload for source in sources if source}:
            if image and not self.queries.is_image_of_others(
                job.user_id, image, job.job_id
            ):
                self.bucket.delete(upload_object(job.user_id, image))

    def _remove_record(self, found: Versioned[Job]) -> None:
        """A finished job stays finished: only a fresh URL can win the race with us."""
        for nth in tries(SHORT_BACKOFF, self.pause):
            current = self.jobs.read(found.value.job_id) if nth else found
            if current is None:
                return
            with suppress(LostRace, CommitUncertain):
                self.jobs.delete(current)
                return
        raise Unreachable(f"job {found.value.job_id}: not known to be deleted")
