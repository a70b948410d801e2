"""Show a job to its owner, with an address of the video that lives on."""

from dataclasses import dataclass

from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.jobs.video_url import with_fresh_url
from shared.ports.identity import Caller
from shared.ports.storage import Bucket
from shared.ports.store import (
    Clock,
    Ids,
    Jobs,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetVideo:
    jobs: Jobs
    bucket: Bucket
    clock: Clock
    ids: Ids

    def __call__(self, caller: Caller, job_id: str) -> Job:
        """NotFound also for another user's job: nobody learns that it exists."""
        snapshot = self.jobs.read(job_id)
        if snapshot is None or snapshot.value.user_id != caller.user_id:
            raise NotFound(job_id)
        return with_fresh_url(
            snapshot,
            jobs=self.jobs,
            bucket=self.bucket,
            clock=self.clock,
            ids=self.ids,
        )
