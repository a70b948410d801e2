"""The jobs in memory: real preconditions, and commits that go wrong on request."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.booking import booking
from shared.domain.errors import (
    ErrorCode,
    LostRace,
    ReelayError,
    TooManyJobs,
    Unclear,
    Unreachable,
    Unreadable,
)
from shared.domain.job import Job
from shared.domain.ledger import Account, Booking, Limits, Totals, check
from shared.domain.projection import project
from shared.ports import Claim, Overdue, Snapshot


class Trouble(StrEnum):
    """What the next commit (or create) meets instead of a plain answer."""

    NONE = "none"
    LOST_RACE = "lost race"
    UNREACHABLE = "unreachable"
    APPLIED = "unclear, and applied"
    NOT_APPLIED = "unclear, and not applied"


class FakeJobs:
    """`troubles` and `read_failures` are met by the next calls, in their order.

    `projections`: what listeners see; `projected`: how often it was written.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.accounts: dict[str, Account] = {}
        self.open_jobs: Counter[str] = Counter()
        self.claims: dict[str, Claim] = {}
        self.unreadable: set[str] = set()
        self.troubles: list[Trouble] = []
        self.read_failures: list[ReelayError] = []
        self.projections: dict[str, dict[str, object]] = {}
        self.projected = 0
        self._jobs: dict[str, tuple[Job, int]] = {}
        self._tokens = 0
        self._lock = threading.RLock()

    def create(self, job: Job, claim: Claim | None = None) -> None:
        trouble = self._trouble()
        with self._lock:
            if job.job_id in self._jobs or (claim and claim.name in self.claims):
                raise LostRace("it exists")
            if self.open_jobs[job.user_id] >= self.limits.most_open_jobs:
                raise TooManyJobs
            self._check(job, job.hold_usd)
            if trouble is not Trouble.NOT_APPLIED:
                self._book(job, booking(None, job))
                self._keep(job)
                self._project(job)
                if claim:
                    self.claims[claim.name] = claim
        self._after(trouble)

    def claimed(self, name: str) -> Claim | None:
        return self.claims.get(name)

    def read(self, job_id: str) -> Snapshot | None:
        if self.read_failures:
            raise self.read_failures.pop(0)
        if job_id in self.unreadable:
            raise Unreadable(job_id)
        with self._lock:
            if job_id not in self._jobs:
                return None
            job, token = self._jobs[job_id]
        return Snapshot(job=job, token=token)

    def commit(self, before: Snapshot, after: Job) -> Snapshot:
        trouble = self._trouble()
        with self._lock:
            _, token = self._jobs.get(after.job_id, (None, None))
            if token is None or token != before.token:
                raise LostRace("somebody was faster, or it is deleted")
            booked = booking(before.job, after)
            if booked.totals.held_usd > 0 and not after.is_final:
                self._check(after, booked.totals.held_usd)
            if trouble is not Trouble.NOT_APPLIED:
                self._book(after, booked)
                self._keep(after)
                self._project_changes(before.job, after)
        self._after(trouble)
        return Snapshot(job=after, token=self._jobs[after.job_id][1])

    def abandon(self, job_id: str, now: datetime) -> None:
        with self._lock:
            job = self._jobs[job_id][0]
            if job.is_final:
                raise LostRace("it has ended")
            ended = job.ended(ErrorCode.DEADLINE_EXCEEDED, "poison")
            self._keep(replace(ended, updated_at=now))
            self._project(ended)
            spent = Booking(totals=Totals(settled_usd=job.hold_usd), open_jobs=-1)
            self._book(job, spent)
        self.unreadable.discard(job_id)

    def overdue(self, now: datetime, *, most: int) -> Sequence[Overdue]:
        waiting = [
            Overdue(
                job_id=job.job_id,
                version=job.version,
                wake_at=job.wake_at,
                deadline_at=job.deadline_at,
            )
            for job, _ in self._jobs.values()
            if job.wake_at is not None and job.wake_at <= now
        ]
        return sorted(waiting, key=lambda overdue: overdue.wake_at)[:most]

    def put(self, job: Job) -> Snapshot:
        """As if somebody else had committed it."""
        self._keep(job)
        self._project(job)
        return self.get(job.job_id)

    def get(self, job_id: str) -> Snapshot:
        job, token = self._jobs[job_id]
        return Snapshot(job=job, token=token)

    def delete(self, job_id: str) -> None:
        del self._jobs[job_id]
        del self.projections[job_id]

    @property
    def all(self) -> list[Job]:
        return [job for job, _ in self._jobs.values()]

    def _trouble(self) -> Trouble:
        trouble = self.troubles.pop(0) if self.troubles else Trouble.NONE
        if trouble is Trouble.LOST_RACE:
            raise LostRace("scripted")
        if trouble is Trouble.UNREACHABLE:
            raise Unreachable("scripted")
        return trouble

    def _after(self, trouble: Trouble) -> None:
        if trouble in (Trouble.APPLIED, Trouble.NOT_APPLIED):
            raise Unclear("scripted")

    def _check(self, job: Job, amount_usd: Decimal) -> None:
        now = job.updated_at.astimezone(self.limits.zone)
        for name, caps in zip(job.place.accounts, self.limits.caps(), strict=True):
            account = self.accounts.get(name, Account())
            check(account, caps, job.place.day, amount_usd, now)

    def _book(self, job: Job, booked: Booking) -> None:
        self.open_jobs[job.user_id] += booked.open_jobs
        for name in job.place.accounts:
            account = self.accounts.get(name, Account())
            day = account.on(job.place.day) + booked.totals
            self.accounts[name] = Account(days={**account.days, job.place.day: day})

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
