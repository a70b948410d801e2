"""Take a job: one commit holds its money and takes its key; then its first task."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from shared.domain import (
    fallback,
    timing,
)
from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ApiError,
    CommitUncertain,
    Conflict,
    ConflictReason,
    Crowded,
    GenerationPaused,
    IdempotencyConflict,
    LimitReached,
    LostRace,
    TooManyJobs,
    Unreachable,
)
from shared.domain.job import Job, Language
from shared.domain.kill_switch import Level
from shared.domain.ledger import Limits, ledger_key
from shared.domain.pricing import first_holds
from shared.domain.request import ClientRetry, VideoRequest
from shared.guards.kill_switch import KillSwitch
from shared.jobs.commit import CROWDED_BACKOFF, tries
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import (
    Clock,
    IdempotencyRecord,
    IdempotencyStore,
    Ids,
    Jobs,
    Quotas,
    Versioned,
)
from shared.usecases.idempotency import (
    DedupKey,
    ReplayPolicy,
    dedup_key_of,
)
from shared.usecases.uploads import Keep

log = structlog.get_logger()

# No new try after this: the caller has an answer within about three seconds.
COMMIT_WITHIN = timedelta(seconds=2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The job as it stands. `replayed`: another sending of this request made it."""

    job: Job
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateVideo:
    """Dies before the commit: nothing is there. After it: the sweep starts the job.

    Delivered twice with a key, it is one job. Without one: two jobs where it is sent
    ONCE; one job where a client says FIRST and then AGAIN, within 15 minutes and
    whichever comes first. What AGAIN made is given to one FIRST, while it is open.
    """

    jobs: Jobs
    idempotency: IdempotencyStore
    quotas: Quotas
    scheduler: TaskScheduler
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]
    kill_switch: KillSwitch
    limits: Limits
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    stop_on_unknown: bool
    retention_days: int

    def __call__(
        self,
        caller: Caller,
        request: VideoRequest,
        language: Language,
        key: str | None = None,
        client_retry: ClientRetry = ClientRetry.ONCE,
        keep: Keep | None = None,
    ) -> Taken:
        """GenerationPaused, LimitReached, TooManyJobs; ExceedsLimit if no cap could
        ever admit the job; IdempotencyConflict, or Conflict for the key of a deleted
        job. Unreachable: it may be taken; sent again with the key, or as AGAIN, it
        tells.

        `keep`: stores the image that `request` names. Called once, and only where
        the job is about to be committed.
        """
        trace = dedup_key_of(caller, request, key, client_retry)
        seen = self._recorded(trace)
        if replay := self._replay(trace, seen):
            return replay
        if self.kill_switch.level(self.clock.now()) is Level.PAUSED:
            raise GenerationPaused
        job = self._new_job(caller, request, language)
        taken = self._commit(job, trace, seen, keep)
        if not taken.replayed:
            self._announce(taken.job, caller)
        return taken

    def _announce(self, job: Job, caller: Caller) -> None:
        log.info(
            "video_created",
            audit=True,
            job_id=job.job_id,
            user_id=job.user_id,
            key_id=caller.key_id,
        )
        try:
            self.scheduler.schedule_step(job)
        except Unreachable:
            # The commit holds, so the answer is yes: the sweep starts what has no task.
            log.warning("job_not_enqueued", job_id=job.job_id)

    def _new_job(
        self, caller: Caller, request: VideoRequest, language: Language
    ) -> Job:
        now, job_id = self.clock.now(), self.ids.new()
        chain = fallback.plan_chain(request, self.chain, self.models)
        return Job(
            job_id=job_id,
            user_id=caller.user_id,
            language=language,
            request=request,
            chain=chain,
            hold_usd=first_holds(chain, self.limits)[0],
            ledger_key=ledger_key(caller.user_id, now, self.limits, job_id),
            stop_on_unknown=self.stop_on_unknown,
            created_at=now,
            updated_at=now,
            deadline_at=now + timing.JOB_LIMIT,
            expires_at=now + timedelta(days=self.retention_days),
            wake_at=now,
            version=1,
            commit_id=self.ids.new(),
        )

    def _commit(
        self,
        job: Job,
        trace: DedupKey | None,
        seen: Versioned[IdempotencyRecord] | None,
        keep: Keep | None,
    ) -> Taken:
        """Ids were made before: a job that is there already is this very one.

        A refusal is looked behind, too: the room may be filled by this very request.
        Where the first provider's price doesn't fit, a cheaper one's may: the job
        then skips what it can't pay for.
        """
        record = trace.record(job) if trace else None
        _, *cheaper = first_holds(job.chain, self.limits)
        ends_at, uncertain = self.clock.now() + COMMIT_WITHIN, False
        for _ in tries(CROWDED_BACKOFF, self.pause):
            if self.clock.now() > ends_at:
                break
            try:
                if keep:
                    self.quotas.check_room(job)
                    keep()
                    keep = None
                self.jobs.create(job, record, over=seen)
                return Taken(job=job)
            except (LostRace, CommitUncertain, LimitReached, TooManyJobs) as error:
                refusal = error if isinstance(error, ApiError) else None
                uncertain |= isinstance(error, CommitUncertain)
            if uncertain and (found := self.jobs.read(job.job_id)):
                return Taken(job=found.value)
            seen = self._recorded(trace)
            if replay := self._replay(trace, seen):
                return replay
            if isinstance(refusal, LimitReached) and cheaper:
                job = replace(job, hold_usd=cheaper.pop(0))
            elif refusal:
                raise refusal
        if uncertain:
            raise Unreachable(f"job {job.job_id}: not known to be committed")
        raise Crowded(f"job {job.job_id}: not created, others were faster")

    def _recorded(self, trace: DedupKey | None) -> Versioned[IdempotencyRecord] | None:
        return self.idempotency.get(trace.name) if trace else None

    def _replay(
        self, trace: DedupKey | None, found: Versioned[IdempotencyRecord] | None
    ) -> Taken | None:
        if not trace or not found or not trace.is_own(found.value, self.clock.now()):
            return None
        if found.value.body_sha256 != trace.body_sha256:
            raise IdempotencyConflict
        snapshot = self.jobs.read(found.value.job_id)
        if trace.replay_policy is ReplayPolicy.IF_OVERTAKEN:
            return self._take_over(found, snapshot)
        if snapshot is None:
            raise Conflict(reason=ConflictReason.JOB_DELETED)
        return Taken(job=snapshot.value, replayed=True)

    def _take_over(
        self, found: Versioned[IdempotencyRecord], snapshot: Versioned[Job] | None
    ) -> Taken | None:
        """A resend's job, for the one first sending that it has left behind.

        No sending is held back until a video has ended: by then it is a new request.
        """
        if snapshot is None or snapshot.value.is_final:
            return None
        # At worst two first sendings get the one job: nobody pays twice.
        with suppress(LostRace, CommitUncertain, Unreachable):
            self.idempotency.mark_consumed(found)
        return Taken(job=snapshot.value, replayed=True)
