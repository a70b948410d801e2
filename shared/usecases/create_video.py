"""Take a job: one commit holds its money and takes its key; then its first task."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256

import structlog

from shared.domain import fallback, limits
from shared.domain.catalogue import Link
from shared.domain.errors import (
    Conflict,
    GenerationPaused,
    IdempotencyConflict,
    LostRace,
    Unclear,
    Unreachable,
)
from shared.domain.job import Job, Language, dearest_usd
from shared.domain.kill_switch import Level
from shared.domain.ledger import Limits, place
from shared.domain.request import VideoRequest
from shared.ports import Caller, Claim, Clock, Ids, Jobs
from shared.usecases.kill_switch import KillSwitch
from shared.usecases.wake import Waker

log = structlog.get_logger()

KEY_LIFETIME = timedelta(days=7)
# Rivals for one account's room: many short waits, about ten seconds in all.
PAUSES = (*(0.02, 0.05, 0.1, 0.2), *(0.4,) * 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The job as it stands. `replayed`: an earlier request with this key made it."""

    job: Job
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVideo:
    jobs: Jobs
    waker: Waker
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]
    kill_switch: KillSwitch
    limits: Limits
    chain: tuple[Link, ...]
    models: Mapping[Link, str]
    stop_on_unknown: bool
    retention_days: int

    def __call__(
        self,
        caller: Caller,
        request: VideoRequest,
        language: Language,
        key: str | None = None,
    ) -> Taken:
        """GenerationPaused, LimitReached, TooManyJobs; IdempotencyConflict, or Conflict
        for the key of a deleted job. Unreachable: it may be taken; the key tells.
        """
        name = _claim_name(caller, key) if key else None
        if name and (earlier := self.jobs.claimed(name)):
            return self._replay(earlier, request)
        if self.kill_switch.level(self.clock.now()) is Level.PAUSED:
            raise GenerationPaused
        job = self._new_job(caller, request, language)
        claim = _claim(name, job) if name else None
        taken = self._commit(job, claim)
        if not taken.replayed:
            self._announce(taken.job)
        return taken

    def _announce(self, job: Job) -> None:
        log.info("job_created", job_id=job.job_id, user_id=job.user_id)
        try:
            self.waker.wake(job)
        except Unreachable:
            # The commit holds, so the answer is yes: the sweep starts what has no task.
            log.warning("job_not_enqueued", job_id=job.job_id)

    def _new_job(
        self, caller: Caller, request: VideoRequest, language: Language
    ) -> Job:
        now = self.clock.now()
        chain = fallback.order(request, self.chain, self.models)
        return Job(
            job_id=self.ids.new(),
            user_id=caller.user_id,
            language=language,
            request=request,
            chain=chain,
            hold_usd=dearest_usd(chain),
            place=place(caller.user_id, now, self.limits.zone),
            stop_on_unknown=self.stop_on_unknown,
            created_at=now,
            updated_at=now,
            deadline_at=now + limits.JOB_LIMIT,
            expires_at=now + timedelta(days=self.retention_days),
            wake_at=now,
            version=1,
            commit_id=self.ids.new(),
        )

    def _commit(self, job: Job, claim: Claim | None) -> Taken:
        """Ids were made before: a job that is there already is this very one."""
        for seconds in PAUSES:
            try:
                self.jobs.create(job, claim)
            except (LostRace, Unclear):
                if found := self.jobs.read(job.job_id):
                    return Taken(job=found.job)
                if claim and (earlier := self.jobs.claimed(claim.name)):
                    return self._replay(earlier, job.request)
                self.pause(seconds)
            else:
                return Taken(job=job)
        raise Unreachable(f"job {job.job_id}: not known to be committed")

    def _replay(self, earlier: Claim, request: VideoRequest) -> Taken:
        if earlier.body_sha256 != _body_sha256(request):
            raise IdempotencyConflict
        found = self.jobs.read(earlier.job_id)
        if found is None:
            raise Conflict("the job of this key was deleted")
        return Taken(job=found.job, replayed=True)


def _claim_name(caller: Caller, key: str) -> str:
    return sha256(json.dumps([caller.user_id, key]).encode()).hexdigest()


def _claim(name: str, job: Job) -> Claim:
    return Claim(
        name=name,
        job_id=job.job_id,
        body_sha256=_body_sha256(job.request),
        expires_at=job.created_at + KEY_LIFETIME,
    )


def _body_sha256(request: VideoRequest) -> str:
    """Of what was parsed: another order of fields, or a default said, is no change."""
    return sha256(json.dumps(asdict(request), sort_keys=True).encode()).hexdigest()
