"""Returns the caller's own jobs: one, or a page of them, newest first."""

from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from shared.domain.errors import NotFound, Unreadable
from shared.domain.job import Job
from shared.domain.listing import Page, Position, cursor_after
from shared.domain.projection import ADDED_FIELDS, NO_URLS, Projection, Status, project
from shared.jobs.video_urls import are_fresh, with_fresh_urls
from shared.ports.identity import Caller
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Ids, JobQueries, Jobs, Versioned

# A page of old videos needs three fresh URLs for each, and each is a network call.
SIGNING_WORKERS = 8


def own_job(jobs: Jobs, caller: Caller, job_id: str) -> Versioned[Job]:
    """The caller's job. NotFound also for another user's job, so that its existence
    isn't revealed.
    """
    found = jobs.read(job_id)
    if found is None or found.value.user_id != caller.user_id:
        raise NotFound(job_id)
    return found


class GetVideo(Struct, frozen=True, kw_only=True):
    jobs: Jobs
    bucket: Bucket
    clock: Clock
    ids: Ids

    def __call__(self, caller: Caller, job_id: str) -> Job:
        """The job, with URLs that are not about to expire; NotFound as in `own_job`.

        Also NotFound after `expires_at`: the record may outlive its video by a day.
        """
        found = own_job(self.jobs, caller, job_id)
        if self.clock.now() >= found.value.expires_at:
            raise NotFound(job_id)
        return with_fresh_urls(found, self.jobs, self.bucket, self.clock, self.ids)


class ListVideos(Struct, frozen=True, kw_only=True):
    jobs: Jobs
    queries: JobQueries
    bucket: Bucket
    clock: Clock
    ids: Ids

    def __call__(
        self,
        caller: Caller,
        *,
        limit: int,
        status: Status | None = None,
        after: Position | None = None,
    ) -> Page:
        """At most `limit` jobs.

        Reads one job more than it returns, to learn whether another page follows.
        """
        found = self.queries.page(
            caller.user_id, status=status, after=after, limit=limit + 1
        )
        with ThreadPoolExecutor(SIGNING_WORKERS) as pool:
            videos = tuple(pool.map(self._with_fresh_urls, found[:limit]))
        next_cursor = None
        if len(found) > limit:
            next_cursor = cursor_after(videos[-1]["created_at"], videos[-1]["job_id"])
        return Page(videos=videos, next_cursor=next_cursor)

    def after(self, caller: Caller, *, job_id: str, limit: int) -> Page:
        """The jobs created before this one; NotFound as in `own_job`."""
        found = own_job(self.jobs, caller, job_id)
        position = Position(created_at=found.value.created_at, job_id=job_id)
        return self(caller, limit=limit, after=position)

    def _with_fresh_urls(self, shown: Projection) -> Projection:
        """Reads the job itself only if its URLs are about to expire."""
        shown = {**ADDED_FIELDS, **shown}
        now = self.clock.now()
        is_over = now >= shown["expires_at"]
        if not is_over and (
            shown["delivered"] is None or are_fresh(shown["video_url_expires_at"], now)
        ):
            return shown
        try:
            job = None if is_over else self.jobs.read(shown["job_id"])
        except Unreadable:
            job = None
        if job is None:
            return {**shown, **NO_URLS}
        return project(
            with_fresh_urls(job, self.jobs, self.bucket, self.clock, self.ids)
        )
