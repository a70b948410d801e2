"""Creates a job: one commit stores it, holds its price and records its idempotency key.

Its first task is enqueued afterwards; if that fails, the sweep enqueues it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from shared.domain import fallback, timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ApiError,
    CommitUncertain,
    Conflict,
    ConflictReason,
    Contended,
    IdempotencyConflict,
    LimitReached,
    LostRace,
    TooManyJobs,
    Unreachable,
)
from shared.domain.job import Job, Language, PlannedProvider
from shared.domain.ledger import Limits, ledger_key
from shared.domain.pricing import first_holds
from shared.domain.request import ClientRetry, VideoRequest
from shared.domain.structs import replace
from shared.domain.webhook import Webhook
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.jobs.commit import CONTENTION_BACKOFF, tries
from shared.jobs.events import log_by_caller
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
from shared.usecases.idempotency import DedupKey, dedup_key_of
from shared.usecases.uploads import StoreImage
from shared.usecases.webhooks import requested_webhook

# The last retry starts before this, so callers get an answer within about 3 seconds.
COMMIT_TIMEOUT = timedelta(seconds=2.5)


class CreateResult(Struct, frozen=True, kw_only=True):
    """`job` is in its current state. `replayed`: an earlier send of the same request
    created it.
    """

    job: Job
    replayed: bool = False


class CreateVideo(Struct, frozen=True, kw_only=True):
    """If the process dies before the commit, nothing exists; after it, the sweep
    starts the job.

    A request sent twice with the same key creates one job. Without a key, each send
    marked ONCE creates a job, while a FIRST and its AGAIN create one between them, in
    whatever order they arrive, within 15 minutes. A job that AGAIN created is returned
    to at most one FIRST, and only until it ends.

    `shard_numbers`: consecutive integers, so that jobs which a process creates at the
    same time are booked in different shards of the ledger.
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
    shard_numbers: Iterator[int]

    def __call__(
        self,
        caller: Caller,
        request: VideoRequest,
        language: Language,
        key: str | None = None,
        client_retry: ClientRetry = ClientRetry.ONCE,
        store_image: StoreImage | None = None,
    ) -> CreateResult:
        """Raises GenerationPaused, LimitReached, TooManyJobs; ExceedsLimit if the caps
        could never admit the job; IdempotencyConflict, or Conflict for the key of a
        deleted or expired job; InvalidRequest or NotOffered for a webhook that can't be
        signed. After Unreachable the job may exist: to find out, send the request
        again, with its key or as AGAIN.

        `store_image` stores the image that `request` names. It is called once, and only
        when the job is about to be committed.
        """
        dedup = dedup_key_of(caller, request, key, client_retry)
        seen = self._find_record(dedup)
        if replay := self._replay(dedup, seen):
            return replay
        webhook = requested_webhook(caller, request, signs_webhooks=self.signs_webhooks)
        self.kill_switch.require_running(self.clock.now())
        job = self._new_job(caller, request, language, webhook)
        result = self._commit(job, dedup, seen, store_image)
        if not result.replayed:
            log_by_caller("video_created", caller, result.job.job_id)
            self.scheduler.try_to_schedule_step(result.job)
        return result

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
            ledger_key=ledger_key(
                caller.user_id, now, self.limits, next(self.shard_numbers)
            ),
            stop_on_unknown=self.stop_on_unknown,
            created_at=now,
            updated_at=now,
            deadline_at=now + timing.JOB_LIMIT,
            expires_at=now + timedelta(days=self.retention_days),
            wake_at=now,
            webhook=webhook,
        )

    def _holds(self, chain: Sequence[PlannedProvider]) -> tuple[Decimal, ...]:
        return first_holds(fallback.in_chain(chain, self.chain), self.limits)

    def _commit(
        self,
        job: Job,
        dedup: DedupKey | None,
        seen: Versioned[IdempotencyRecord] | None,
        store_image: StoreImage | None,
    ) -> CreateResult:
        """The job's id is chosen before the first try, so a job found under it is ours.

        It looks for a replay even after a refusal: another send of this request may
        have used up the room under the cap or the job limit. If the first provider's
        price exceeds a cap, a cheaper one may fit; the job then skips the providers
        that it can't pay for.
        """
        record = dedup.record(job) if dedup else None
        _, *cheaper = self._holds(job.chain)
        ends_at, uncertain = self.clock.now() + COMMIT_TIMEOUT, False
        for _ in tries(CONTENTION_BACKOFF, self.pause):
            if self.clock.now() > ends_at:
                break
            try:
                if store_image:
                    self.quotas.check_room(job)
                    store_image()
                    store_image = None
                self.jobs.create(job, record, over=seen)
                return CreateResult(job=job)
            except (LostRace, CommitUncertain, LimitReached, TooManyJobs) as error:
                # A flag, since keeping the error would keep megabytes of image alive.
                uncertain |= isinstance(error, CommitUncertain)
                if uncertain and (found := self.jobs.read(job.job_id)):
                    return CreateResult(job=found.value)
                seen = self._find_record(dedup)
                if replay := self._replay(dedup, seen):
                    return replay
                if isinstance(error, LimitReached) and cheaper:
                    job = replace(job, hold_usd=cheaper.pop(0))
                elif isinstance(error, ApiError) and not uncertain:
                    raise
        if uncertain:
            raise Unreachable(f"job {job.job_id}: the commit is uncertain")
        raise Contended(f"job {job.job_id}: not created, others were faster")

    def _find_record(
        self, dedup: DedupKey | None
    ) -> Versioned[IdempotencyRecord] | None:
        return self.idempotency.get(dedup.name) if dedup else None

    def _replay(
        self, dedup: DedupKey | None, found: Versioned[IdempotencyRecord] | None
    ) -> CreateResult | None:
        now = self.clock.now()
        if not dedup or not found or not dedup.matches(found.value, now):
            return None
        if found.value.body_sha256 != dedup.body_sha256:
            raise IdempotencyConflict
        snapshot = self.jobs.read(found.value.job_id)
        if dedup.client_retry is ClientRetry.FIRST:
            return self._take_over(found, snapshot)
        if snapshot is None or now >= snapshot.value.expires_at:
            raise Conflict(reason=ConflictReason.JOB_DELETED)
        return CreateResult(job=snapshot.value, replayed=True)

    def _take_over(
        self, found: Versioned[IdempotencyRecord], snapshot: Versioned[Job] | None
    ) -> CreateResult | None:
        """The job that AGAIN created, for the one FIRST that it overtook.

        Only while the job is open: after that, an equal request is a new one.
        """
        if snapshot is None or snapshot.value.is_final:
            return None
        # If marking it fails, at worst two FIRSTs share one job, which is paid once.
        with suppress(LostRace, CommitUncertain, Unreachable):
            self.idempotency.mark_consumed(found)
        return CreateResult(job=snapshot.value, replayed=True)
