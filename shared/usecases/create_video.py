"""Create a job: one commit stores it, holds its price and takes its idempotency key.

Its first task is enqueued afterwards; if that fails, the sweep does it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import structlog
from msgspec import Struct

from shared.domain import fallback, timing
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
from shared.domain.job import Job, Language, PlannedProvider
from shared.domain.kill_switch import Level
from shared.domain.ledger import Limits, ledger_key
from shared.domain.pricing import first_holds
from shared.domain.request import ClientRetry, VideoRequest
from shared.domain.structs import replace
from shared.domain.webhook import Webhook
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
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
from shared.usecases.idempotency import DedupKey, ReplayPolicy, dedup_key_of
from shared.usecases.uploads import Keep
from shared.usecases.webhooks import requested_webhook

log = structlog.get_logger()

# No new try after this: the caller has an answer within about three seconds.
COMMIT_WITHIN = timedelta(seconds=2.5)


class Taken(Struct, frozen=True, kw_only=True):
    """The job as it is now. `replayed`: an earlier send of this request created it."""

    job: Job
    replayed: bool = False


class CreateVideo(Struct, frozen=True, kw_only=True):
    """If the process dies before the commit, nothing exists; after it, the sweep
    starts the job.

    A request sent twice with the same key creates one job. Without a key, each send
    marked ONCE creates a job, while a FIRST and its AGAIN create one between them, in
    whatever order they arrive, within 15 minutes. A job that AGAIN created is given to
    at most one FIRST, and only until it ends.

    `turns`: whole numbers one after the other, so that what a process creates at the
    same time lies in different shards.
    """

    jobs: Jobs
    idempotency: IdempotencyStore
    quotas: Quotas
    scheduler: TaskScheduler
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]
    kill_switch: KillSwitch
    price_watch: PriceWatch
    limits: Limits
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    stop_on_unknown: bool
    retention_days: int
    signs_webhooks: bool
    turns: Iterator[int]

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
        job. InvalidRequest or NotOffered: a webhook is asked for that can't be signed.
        Unreachable: the job may exist; sending the request again, with its key
        or as AGAIN, finds out.

        `keep` stores the image that `request` names. It is called once, and only
        when the job is about to be committed.
        """
        dedup = dedup_key_of(caller, request, key, client_retry)
        seen = self._recorded(dedup)
        if replay := self._replay(dedup, seen):
            return replay
        webhook = requested_webhook(caller, request, signs_webhooks=self.signs_webhooks)
        if self.kill_switch.level(self.clock.now()) is Level.PAUSED:
            raise GenerationPaused
        job = self._new_job(caller, request, language, webhook)
        taken = self._commit(job, dedup, seen, keep)
        if not taken.replayed:
            self._schedule(taken.job, caller)
        return taken

    def _schedule(self, job: Job, caller: Caller) -> None:
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
            # The job is committed, and the sweep wakes jobs without a task.
            log.warning("job_not_enqueued", job_id=job.job_id)

    def _new_job(
        self,
        caller: Caller,
        request: VideoRequest,
        language: Language,
        webhook: Webhook | None,
    ) -> Job:
        now, job_id = self.clock.now(), self.ids.new()
        planned = fallback.plan_chain(request, self.chain, self.models)
        chain = self.price_watch.plan(planned, request.resolution)
        return Job(
            job_id=job_id,
            user_id=caller.user_id,
            language=language,
            request=request,
            chain=chain,
            hold_usd=self._holds(chain)[0],
            ledger_key=ledger_key(caller.user_id, now, self.limits, next(self.turns)),
            stop_on_unknown=self.stop_on_unknown,
            created_at=now,
            updated_at=now,
            deadline_at=now + timing.JOB_LIMIT,
            expires_at=now + timedelta(days=self.retention_days),
            wake_at=now,
            version=1,
            commit_id=self.ids.new(),
            webhook=webhook,
        )

    def _holds(self, chain: Sequence[PlannedProvider]) -> tuple[Decimal, ...]:
        return first_holds(fallback.within(chain, self.chain), self.limits)

    def _commit(
        self,
        job: Job,
        dedup: DedupKey | None,
        seen: Versioned[IdempotencyRecord] | None,
        keep: Keep | None,
    ) -> Taken:
        """The ids exist before the first try, so a job found under them is this one.

        After a refusal too, look for a replay: another send of this request may have
        taken the room. If the first provider's price exceeds a cap, a cheaper one may
        fit, and the job then skips the providers it can't pay for.
        """
        record = dedup.record(job) if dedup else None
        _, *cheaper = self._holds(job.chain)
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
                # Kept beyond this block, it would keep the image: garbage of megabytes.
                uncertain |= isinstance(error, CommitUncertain)
                if uncertain and (found := self.jobs.read(job.job_id)):
                    return Taken(job=found.value)
                seen = self._recorded(dedup)
                if replay := self._replay(dedup, seen):
                    return replay
                if isinstance(error, LimitReached) and cheaper:
                    job = replace(job, hold_usd=cheaper.pop(0))
                elif isinstance(error, ApiError):
                    raise
        if uncertain:
            raise Unreachable(f"job {job.job_id}: not known to be committed")
        raise Crowded(f"job {job.job_id}: not created, others were faster")

    def _recorded(self, dedup: DedupKey | None) -> Versioned[IdempotencyRecord] | None:
        return self.idempotency.get(dedup.name) if dedup else None

    def _replay(
        self, dedup: DedupKey | None, found: Versioned[IdempotencyRecord] | None
    ) -> Taken | None:
        if not dedup or not found or not dedup.matches(found.value, self.clock.now()):
            return None
        if found.value.body_sha256 != dedup.body_sha256:
            raise IdempotencyConflict
        snapshot = self.jobs.read(found.value.job_id)
        if dedup.replay_policy is ReplayPolicy.IF_OVERTAKEN:
            return self._take_over(found, snapshot)
        if snapshot is None:
            raise Conflict(reason=ConflictReason.JOB_DELETED)
        return Taken(job=snapshot.value, replayed=True)

    def _take_over(
        self, found: Versioned[IdempotencyRecord], snapshot: Versioned[Job] | None
    ) -> Taken | None:
        """The job that AGAIN created, for the one FIRST that it overtook.

        Only while the job is open: afterwards an equal request is a new one.
        """
        if snapshot is None or snapshot.value.is_final:
            return None
        # If the mark is lost, at worst two FIRSTs share one job, paid once.
        with suppress(LostRace, CommitUncertain, Unreachable):
            self.idempotency.mark_consumed(found)
        return Taken(job=snapshot.value, replayed=True)
