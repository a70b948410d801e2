"""List a caller's own jobs, newest first, a page at a time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.listing import Page, cursor_after, read_cursor
from shared.domain.projection import Status
from shared.jobs.video_url import with_fresh_url
from shared.ports.identity import Caller
from shared.ports.storage import Bucket
from shared.ports.store import (
    Clock,
    Ids,
    Jobs,
    Position,
    Versioned,
)

# A page of old videos signs each address anew, one call over the network for each.
SIGNED_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ListVideos:
    jobs: Jobs
    bucket: Bucket
    clock: Clock
    ids: Ids

    def __call__(
        self, caller: Caller, *, limit: int, status: Status | None, cursor: str | None
    ) -> Page:
        """At most `limit` jobs; InvalidRequest where `cursor` is none of ours."""
        after = None
        if cursor is not None:
            created_at, job_id = read_cursor(cursor)
            after = Position(created_at=created_at, job_id=job_id)
        return self._page(caller, limit=limit, status=status, after=after)

    def after(self, caller: Caller, *, job_id: str, limit: int) -> Page:
        """The jobs made before this one; NotFound where it is not the caller's."""
        found = self.jobs.read(job_id)
        if found is None or found.value.user_id != caller.user_id:
            raise NotFound(job_id)
        place = Position(created_at=found.value.created_at, job_id=job_id)
        return self._page(caller, limit=limit, status=None, after=place)

    def _page(
        self,
        caller: Caller,
        *,
        limit: int,
        status: Status | None,
        after: Position | None,
    ) -> Page:
        """One more is read than shown: that tells whether anything follows."""
        found = self.jobs.page(
            caller.user_id, status=status, after=after, most=limit + 1
        )
        with ThreadPoolExecutor(SIGNED_AT_ONCE) as pool:
            jobs = tuple(pool.map(self._living, found[:limit]))
        next_cursor = None
        if len(found) > limit:
            next_cursor = cursor_after(jobs[-1].created_at, jobs[-1].job_id)
        return Page(jobs=jobs, next_cursor=next_cursor)

    def _living(self, snapshot: Versioned[Job]) -> Job:
        return with_fresh_url(
            snapshot,
            jobs=self.jobs,
            bucket=self.bucket,
            clock=self.clock,
            ids=self.ids,
        )
