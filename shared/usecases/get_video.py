"""Show a job to its owner, with an address of the video that lives on."""

from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.errors import LostRace, NotFound, Unclear, Unreachable
from shared.domain.job import Job
from shared.ports import Bucket, Caller, Clock, Ids, Jobs, Snapshot

LINK_LIFETIME = timedelta(hours=24)
LEAST_LEFT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetVideo:
    jobs: Jobs
    bucket: Bucket
    clock: Clock
    ids: Ids

    def __call__(self, caller: Caller, job_id: str) -> Job:
        """NotFound also for another user's job: nobody learns that it exists."""
        snapshot = self.jobs.read(job_id)
        if snapshot is None or snapshot.job.user_id != caller.user_id:
            raise NotFound(job_id)
        return self._with_living_link(snapshot)

    def _with_living_link(self, snapshot: Snapshot) -> Job:
        job, now = snapshot.job, self.clock.now()
        expires_at = job.video_url_expires_at
        if job.delivered is None or (expires_at and expires_at - now > LEAST_LEFT):
            return job
        name = job.delivered.object_name
        fresh = replace(
            job,
            video_url=self.bucket.sign_download(name, lifetime=LINK_LIFETIME),
            video_url_expires_at=now + LINK_LIFETIME,
            version=job.version + 1,
            commit_id=self.ids.new(),
        )
        try:
            self.jobs.commit(snapshot, fresh)
        except (LostRace, Unclear, Unreachable):
            # The address is good whether or not the listeners get it too.
            return fresh
        return fresh
