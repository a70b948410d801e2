"""Show callers their own jobs: one, or a page of them, newest first."""

from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from shared.domain.errors import NotFound, Unreadable
from shared.domain.job import Job
from shared.domain.listing import Page, cursor_after, read_cursor
from shared.domain.projection import ADDED_FIELDS, NO_URLS, Projection, Status, project
from shared.jobs.video_urls import lasts, with_fresh_urls
from shared.ports.identity import Caller
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Ids, JobQueries, Jobs, Position, Versioned

# A page of old videos signs three fresh URLs for each, one call over the network each.
SIGNED_AT_ONCE = 8


def own_job(jobs: Jobs, caller: Caller, job_id: str) -> Versioned[Job]:
    """The caller's job; NotFound also for another user's, so none is revealed."""
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
        """With URLs that are not about to expire; NotFound as in `own_job`.

        NotFound also past `expires_at`: the record may outlive its video by a day.
        """
        found = own_job(self.jobs, caller, job_id)
        if self.clock.now() >= found.value.expires_at:
            raise NotFound(job_id)
        return with_fresh_urls(
            found,
            jobs=self.jobs,
            bucket=self.bucket,
            clock=self.clock,
            ids=self.ids,
        )


class ListVideos(Struct, frozen=True, kw_only=True):
    jobs: Jobs
    queries: JobQueries
    bucket: Bucket
    clock: Clock
    ids: Ids

    def __call__(
        self, caller: Caller, *, limit: int, status: Status | None, cursor: str | None
    ) -> Page:
        """At most `limit` jobs; InvalidRequest if `cursor` was not issued here."""
        after = None
        if cursor is not None:
            created_at, job_id = read_cursor(cursor)
            after = Position(created_at=created_at, job_id=job_id)
        return self._page(caller, limit=limit, status=status, after=after)

    def after(self, caller: Caller, *, job_id: str, limit: int) -> Page:
        """The jobs created before this one; NotFound as in `own_job`."""
        found = own_job(self.jobs, caller, job_id)
        position = Position(created_at=found.value.created_at, job_id=job_id)
        return self._page(caller, limit=limit, status=None, after=position)

    def _page(
        self,
        caller: Caller,
        *,
        limit: int,
        status: Status | None,
        after: Position | None,
    ) -> Page:
        """Reads one more than it shows, to know whether another page follows."""
        found = self.queries.page(
            caller.user_id, status=status, after=after, most=limit + 1
        )
        with ThreadPoolExecutor(SIGNED_AT_ONCE) as pool:
            videos = tuple(pool.map(self._with_fresh_urls, found[:limit]))
        next_cursor = None
        if len(found) > limit:
            next_cursor = cursor_after(videos[-1]["created_at"], videos[-1]["job_id"])
        return Page(videos=videos, next_cursor=next_cursor)

    def _with_fresh_urls(self, shown: Projection) -> Projection:
        """The job itself is read only if its URLs don't last."""
        shown = {**ADDED_FIELDS, **shown}
        now = self.clock.now()
        is_over = now >= shown["expires_at"]
        if not is_over and (
            shown["delivered"] is None or lasts(shown["video_url_expires_at"], now)
        ):
            return shown
        try:
            job = None if is_over else self.jobs.read(shown["job_id"])
        except Unreadable:
            job = None
        if job is None:
            return {**shown, **NO_URLS}
        return project(
            with_fresh_urls(
                job,
                jobs=self.jobs,
                bucket=self.bucket,
                clock=self.clock,
                ids=self.ids,
            )
        )
