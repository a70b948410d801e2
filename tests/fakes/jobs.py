"""The store of jobs in memory, with real preconditions and scripted failures."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from shared.domain.booking import booking, booking_of_unreadable
from shared.domain.errors import (
    CommitUncertain,
    ErrorCode,
    LostRace,
    ReelayError,
    Unreachable,
    Unreadable,
    WrittenLater,
)
from shared.domain.job import AttemptState, Job
from shared.domain.job_count import (
    JobCount,
    hour_of,
    with_one_more_job,
    with_one_more_translation,
    with_one_more_upload,
)
from shared.domain.ledger import (
    Account,
    Booking,
    LedgerKey,
    Limits,
    Totals,
    check,
    ledger_key,
    nth_of,
)
from shared.domain.listing import Position
from shared.domain.projection import Projection, Status, project
from shared.domain.structs import replace
from shared.domain.usage import NO_PROVIDER, Counts, UsageMonth
from shared.ports.store import IdempotencyRecord, Overdue, OverdueWebhook, Versioned

WITHOUT_RESULT = frozenset(
    {
        AttemptState.REJECTED,
        AttemptState.NOT_SENT,
        AttemptState.SKIPPED,
        AttemptState.FAILED,
    }
)


class Trouble(StrEnum):
    """How the next commit (or create) goes wrong."""

    NONE = "none"
    LOST_RACE = "lost race"
    UNREACHABLE = "unreachable"
    APPLIED = "uncertain, and applied"
    NOT_APPLIED = "uncertain, and not applied"


def meet(troubles: list[Trouble]) -> Trouble:
    """Take the next trouble; raise its error unless the commit goes on with it."""
    trouble = troubles.pop(0) if troubles else Trouble.NONE
    if trouble is Trouble.LOST_RACE:
        raise LostRace("scripted")
    if trouble is Trouble.UNREACHABLE:
        raise Unreachable("scripted")
    return trouble


def answer(trouble: Trouble) -> None:
    """Raise the error of a commit that went on, at its end."""
    if trouble in (Trouble.APPLIED, Trouble.NOT_APPLIED):
        raise CommitUncertain("scripted")


class FakeIdempotency:
    """The idempotency records of `jobs`; their commits meet the same troubles."""

    def __init__(self, jobs: "FakeJobs") -> None:
        self.records: dict[str, Versioned[IdempotencyRecord]] = {}
        self._jobs = jobs
        self._tokens = 0

    def get(self, name: str) -> Versioned[IdempotencyRecord] | None:
        return self.records.get(name)

    def mark_consumed(self, seen: Versioned[IdempotencyRecord]) -> None:
        trouble = meet(self._jobs.troubles)
        with self._jobs.lock:
            if self.records.get(seen.value.name) != seen:
                raise LostRace("the record is not as it was read")
            if trouble is not Trouble.NOT_APPLIED:
                self.put(replace(seen.value, created_by_retry=False))
        answer(trouble)

    def put(self, record: IdempotencyRecord) -> None:
        self._tokens += 1
        self.records[record.name] = Versioned(value=record, token=self._tokens)


class FakeJobs:
    """The next calls meet `troubles` and raise `read_failures`, one each, in order.

    `projections` are what listeners see, `projected` how often one was written.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.accounts: dict[str, Account] = {}
        self.usage: dict[str, UsageMonth] = {}
        self.open_jobs: Counter[str] = Counter()
        self.made: dict[str, JobCount] = {}
        self.idempotency = FakeIdempotency(self)
        self.unreadable: set[str] = set()
        self.written_later: set[str] = set()
        self.troubles: list[Trouble] = []
        self.read_failures: list[ReelayError] = []
        self.projections: dict[str, dict[str, Any]] = {}
        self.projected = self.reads = 0
        self._jobs: dict[str, tuple[Job, int]] = {}
        self._tokens = 0
        self.lock = threading.RLock()

    def create(
        self,
        job: Job,
        record: IdempotencyRecord | None = None,
        *,
        over: Versioned[IdempotencyRecord] | None = None,
    ) -> None:
        trouble = meet(self.troubles)
        with self.lock:
            made = self._with_one_more(job)
            self._check(job.ledger_key, job.hold_usd, job.updated_at)
            if job.job_id in self._jobs:
                raise LostRace("it exists")
            if record and self.idempotency.get(record.name) != over:
                raise LostRace("the record is not as it was read")
            if trouble is not Trouble.NOT_APPLIED:
                self._book(job, booking(None, job))
                self.made[job.user_id] = made
                self._keep(job)
                self._project(job)
                if record:
                    self.idempotency.put(record)
        answer(trouble)

    def check_room(self, job: Job) -> None:
        with self.lock:
            self._with_one_more(job)
            self._check(job.ledger_key, job.hold_usd, job.updated_at)

    def book_translation(
        self, user_id: str, price_usd: Decimal, now: datetime, shard_by: str
    ) -> None:
        trouble = meet(self.troubles)
        key = ledger_key(user_id, now, self.limits, nth_of(shard_by))
        with self.lock:
            count = self.made.get(user_id, JobCount())
            made = with_one_more_translation(count, self.limits, now)
            self._check(key, price_usd, now)
            if trouble is not Trouble.NOT_APPLIED:
                self.made[user_id] = made
                spent = Totals(held_usd=price_usd, settled_usd=price_usd)
                self._add(key, Booking(totals=spent, usage=costing(price_usd)))
        answer(trouble)

    def release_translation(
        self, user_id: str, unspent_usd: Decimal, booked_at: datetime, shard_by: str
    ) -> None:
        trouble = meet(self.troubles)
        key = ledger_key(user_id, booked_at, self.limits, nth_of(shard_by))
        with self.lock:
            if trouble is not Trouble.NOT_APPLIED:
                totals = Totals(settled_usd=-unspent_usd, released_usd=unspent_usd)
                self._add(key, Booking(totals=totals, usage=costing(-unspent_usd)))
        answer(trouble)

    def count_upload(self, user_id: str, now: datetime) -> None:
        trouble = meet(self.troubles)
        with self.lock:
            before = self.made.get(user_id, JobCount())
            counted = with_one_more_upload(before, self.limits, now)
            if trouble is not Trouble.NOT_APPLIED:
                self.made[user_id] = counted
        answer(trouble)

    def read(self, job_id: str) -> Versioned[Job] | None:
        self.reads += 1
        if self.read_failures:
            raise self.read_failures.pop(0)
        if job_id in self.written_later:
            raise WrittenLater(job_id)
        if job_id in self.unreadable:
            raise Unreadable(job_id)
        with self.lock:
            if job_id not in self._jobs:
                return None
            job, token = self._jobs[job_id]
        return Versioned(value=job, token=token)

    def commit(self, before: Versioned[Job], after: Job) -> Versioned[Job]:
        trouble = meet(self.troubles)
        with self.lock:
            _, token = self._jobs.get(after.job_id, (None, None))
            if token is None or token != before.token:
                raise LostRace("somebody was faster, or it is deleted")
            booked = booking(before.value, after)
            if booked.needs_room:
                self._check(after.ledger_key, booked.totals.held_usd, after.updated_at)
            if trouble is not Trouble.NOT_APPLIED:
                self._book(after, booked)
                self._keep(after)
                self._project_changes(before.value, after)
        answer(trouble)
        return Versioned(value=after, token=self._jobs[after.job_id][1])

    def abandon(self, job_id: str, version: int, now: datetime) -> None:
        meet(self.troubles)
        with self.lock:
            job, _ = self._jobs.get(job_id, (None, None))
            if job is None or job.is_final:
                raise LostRace("it has ended, or is gone")
            if job.version != version:
                raise LostRace("another process has committed")
            ended = job.ended(ErrorCode.DEADLINE_EXCEEDED, "poison")
            webhook = ended.webhook and ended.webhook.scheduled(now)
            self._keep(replace(ended, updated_at=now, webhook=webhook))
            self._project(ended)
            self._book(job, booking_of_unreadable(job.hold_usd, job.cost_usd))
        self.unreadable.discard(job_id)

    def overdue(
        self, now: datetime, *, after: Overdue | None = None, limit: int
    ) -> Sequence[Overdue]:
        late = sorted(
            (job.wake_at, job.job_id)
            for job, _ in self._jobs.values()
            if job.wake_at is not None and job.wake_at <= now
        )
        rest = [o for o in late if not after or o > (after.wake_at, after.job_id)]
        return [self._overdue(job_id) for _, job_id in rest[:limit]]

    def _overdue(self, job_id: str) -> Overdue:
        job, _ = self._jobs[job_id]
        assert job.wake_at is not None
        return Overdue(
            job_id=job_id,
            version=job.version,
            wake_at=job.wake_at,
            deadline_at=job.deadline_at,
            awaits_start=job.frame_to_prepare is None
            and job.cancel_requested_at is None
            and all(attempt.state in WITHOUT_RESULT for attempt in job.attempts),
        )

    def overdue_webhooks(
        self, now: datetime, *, limit: int
    ) -> Sequence[OverdueWebhook]:
        found = [
            OverdueWebhook(job_id=job.job_id, attempts=w.attempts, due_at=w.due_at)
            for job in self.all
            if (w := job.webhook) and w.due_at and w.due_at <= now
        ]
        return sorted(found, key=lambda webhook: webhook.due_at)[:limit]

    def page(
        self, user_id: str, *, status: Status | None, after: Position | None, limit: int
    ) -> Sequence[Projection]:
        with self.lock:
            found = [
                shown
                for shown in self.projections.values()
                if shown["user_id"] == user_id
                and status in (None, shown["status"])
                and (after is None or _place(shown) < (after.created_at, after.job_id))
            ]
        return sorted(found, key=_place, reverse=True)[:limit]

    def delete(self, before: Versioned[Job]) -> None:
        trouble = meet(self.troubles)
        with self.lock:
            _, token = self._jobs.get(before.value.job_id, (None, None))
            if token is None or token != before.token:
                raise LostRace("somebody was faster, or it is deleted")
            if trouble is not Trouble.NOT_APPLIED:
                self.remove(before.value.job_id)
        answer(trouble)

    def is_image_of_others(self, user_id: str, image: str, job_id: str) -> bool:
        return any(
            image in (job.request.image, job.request.last_image)
            for job in self.all
            if job.user_id == user_id and job.job_id != job_id
        )

    def put(self, job: Job) -> Versioned[Job]:
        """As if another process had committed it."""
        self._keep(job)
        self._project(job)
        return self.get(job.job_id)

    def get(self, job_id: str) -> Versioned[Job]:
        job, token = self._jobs[job_id]
        return Versioned(value=job, token=token)

    def remove(self, job_id: str) -> None:
        """As if another process had deleted it."""
        del self._jobs[job_id]
        del self.projections[job_id]

    @property
    def all(self) -> list[Job]:
        return [job for job, _ in self._jobs.values()]

    def _check(self, key: LedgerKey, amount_usd: Decimal, at: datetime) -> None:
        now = at.astimezone(self.limits.zone)
        for name, caps in zip(key.accounts, self.limits.caps(), strict=True):
            account = self.accounts.get(name, Account())
            check(account, caps, key.day, amount_usd, now)

    def _book(self, job: Job, booked: Booking) -> None:
        self.open_jobs[job.user_id] += booked.open_jobs
        if booked.unpaid_at:
            self._count_unpaid(job.user_id, hour_of(booked.unpaid_at))
        self._add(job.ledger_key, booked)

    def _add(self, key: LedgerKey, booked: Booking) -> None:
        for name in key.accounts:
            account = self.accounts.get(name, Account())
            self.accounts[name] = account + Account(days={key.day: booked.totals})
            self._count_usage(name, key.day, booked)

    def _count_unpaid(self, user_id: str, hour: str) -> None:
        count = self.made.get(user_id, JobCount())
        counted = {**count.unpaid, hour: count.unpaid.get(hour, 0) + 1}
        self.made[user_id] = replace(count, unpaid=counted)

    def _count_usage(self, name: str, day: str, booked: Booking) -> None:
        days = self.usage.get(name, UsageMonth()).days
        models = dict(days.get(day, {}))
        for model, counts in booked.usage.items():
            models[model] = models.get(model, Counts()) + counts
        if booked.usage:
            self.usage[name] = UsageMonth(days={**days, day: models})

    def _with_one_more(self, job: Job) -> JobCount:
        """As FirestoreLedger does: before the caps, in the order of its reads."""
        open_jobs = self.open_jobs[job.user_id]
        count = replace(self.made.get(job.user_id, JobCount()), open_jobs=open_jobs)
        return with_one_more_job(count, self.limits, job.created_at)

    def _keep(self, job: Job) -> None:
        self._tokens += 1
        self._jobs[job.job_id] = (job, self._tokens)

    def _project(self, job: Job) -> None:
        self.projections[job.job_id] = project(job)
        self.projected += 1

    def _project_changes(self, before: Job, after: Job) -> None:
        old, new = project(before), project(after)
        if any(old[name] != new[name] for name in new.keys() - {"updated_at"}):
            self._project(after)


def costing(usd: Decimal) -> Mapping[str, Counts]:
    return {NO_PROVIDER: Counts(cost_usd=usd)}


def _place(shown: Projection) -> tuple[datetime, str]:
    return shown["created_at"], shown["job_id"]
