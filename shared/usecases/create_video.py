"""Take a job: one commit, then its first task."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from shared.domain import fallback, limits
from shared.domain.catalogue import Link
from shared.domain.errors import LostRace, Unclear, Unreachable
from shared.domain.job import Job, Language
from shared.domain.request import VideoRequest
from shared.ports import Caller, Clock, Ids, Jobs
from shared.usecases.wake import Waker

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVideo:
    jobs: Jobs
    waker: Waker
    clock: Clock
    ids: Ids
    chain: tuple[Link, ...]
    models: Mapping[Link, str]
    stop_on_unknown: bool
    retention_days: int

    def __call__(
        self, caller: Caller, request: VideoRequest, language: Language
    ) -> Job:
        """The job as it was committed. Unreachable: it may not have been."""
        job = self._new_job(caller, request, language)
        self._commit(job)
        log.info("job_created", job_id=job.job_id, user_id=job.user_id)
        try:
            self.waker.wake(job)
        except Unreachable:
            # The commit holds, so the answer is yes: the sweep starts what has no task.
            log.warning("job_not_enqueued", job_id=job.job_id)
        return job

    def _new_job(
        self, caller: Caller, request: VideoRequest, language: Language
    ) -> Job:
        now = self.clock.now()
        return Job(
            job_id=self.ids.new(),
            user_id=caller.user_id,
            language=language,
            request=request,
            chain=fallback.order(request, self.chain, self.models),
            stop_on_unknown=self.stop_on_unknown,
            created_at=now,
            updated_at=now,
            deadline_at=now + limits.JOB_LIMIT,
            expires_at=now + timedelta(days=self.retention_days),
            wake_at=now,
            version=1,
            commit_id=self.ids.new(),
        )

    def _commit(self, job: Job) -> None:
        """Ids are new, so a job that is there already is this very one."""
        for _ in range(3):
            try:
                return self.jobs.create(job)
            except LostRace:
                return None
            except Unclear:
                continue
        raise Unreachable(f"job {job.job_id}: not known to be committed")
