"""The ledger in Firestore: `spend/{account}` by month, `users/{id}` open jobs.

Amounts are whole millionths of a USD. Where a cap is set, the account that was read is
a precondition of the commit; where none is, plain increments never stand in a queue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from google.cloud import firestore

from shared.domain.errors import TooManyJobs
from shared.domain.job import Job
from shared.domain.ledger import Account, Booking, Caps, Limits, Totals, check

MICROS = Decimal(1_000_000)
Batch = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FirestoreLedger:
    """Adds a job's bookings to the batch that commits the job."""

    client: firestore.Client
    limits: Limits
    timeout_seconds: float

    def add_new(self, batch: Batch, job: Job, booked: Booking, now: datetime) -> None:
        """A new job's hold and its count; LimitReached, TooManyJobs."""
        self._count(batch, job)
        self._hold(batch, job, booked.totals, now)

    def add(self, batch: Batch, job: Job, booked: Booking, now: datetime) -> None:
        """A later booking. More is held only within the caps, but for what is owed."""
        if booked.totals.held_usd > 0 and not job.is_final:
            self._hold(batch, job, booked.totals, now)
        elif booked.totals != Totals():
            for name in job.place.accounts:
                batch.set(self._account(name), _entry(job, booked.totals), merge=True)
        if booked.open_jobs:
            change = {"open_jobs": firestore.Increment(booked.open_jobs)}
            batch.set(self._user(job), change, merge=True)

    def add_raw(self, batch: Batch, raw: Mapping[str, Any]) -> None:
        """The end of a job that can't be read: all that it holds counts as spent."""
        try:
            held = int(Decimal(raw["hold_usd"]) * MICROS)
            accounts, day = list(raw["place"]["accounts"]), str(raw["place"]["day"])
            user = quote(raw["user_id"], safe="")
        except (KeyError, TypeError, InvalidOperation):
            return
        entry = {"days": {day: {"settled": firestore.Increment(held)}}}
        for name in accounts:
            batch.set(self._account(str(name)), entry, merge=True)
        closed = {"open_jobs": firestore.Increment(-1)}
        batch.set(self.client.collection("users").document(user), closed, merge=True)

    def _count(self, batch: Batch, job: Job) -> None:
        user = self._user(job)
        found = user.get(timeout=self.timeout_seconds)
        count = (found.to_dict() or {}).get("open_jobs", 0)
        if count >= self.limits.most_open_jobs:
            raise TooManyJobs(job.user_id)
        _put(batch, found, {"open_jobs": count + 1})

    def _hold(self, batch: Batch, job: Job, totals: Totals, now: datetime) -> None:
        local = now.astimezone(self.limits.zone)
        for name, caps in zip(job.place.accounts, self.limits.caps(), strict=True):
            if caps.are_set:
                self._hold_within(batch, name, caps, job, totals, local)
            else:
                batch.set(self._account(name), _entry(job, totals), merge=True)

    def _hold_within(
        self,
        batch: Batch,
        name: str,
        caps: Caps,
        job: Job,
        totals: Totals,
        local: datetime,
    ) -> None:
        found = self._account(name).get(timeout=self.timeout_seconds)
        account = read_account(found.to_dict() or {})
        check(account, caps, job.place.day, totals.held_usd, local)
        after = account.on(job.place.day) + totals
        days = {**account.days, job.place.day: after}
        _put(batch, found, {"days": {day: _amounts(t) for day, t in days.items()}})

    def _account(self, name: str) -> Any:
        return self.client.collection("spend").document(name)

    def _user(self, job: Job) -> Any:
        name = quote(job.user_id, safe="")
        return self.client.collection("users").document(name)


def read_account(document: Mapping[str, Any]) -> Account:
    """The account that a `spend/…` document holds."""
    days = document.get("days", {})
    return Account(days={day: _totals(amounts) for day, amounts in days.items()})


def _totals(amounts: Mapping[str, int]) -> Totals:
    return Totals(
        held_usd=amounts.get("held", 0) / MICROS,
        settled_usd=amounts.get("settled", 0) / MICROS,
        released_usd=amounts.get("released", 0) / MICROS,
    )


def _amounts(totals: Totals) -> dict[str, int]:
    return {
        "held": int(totals.held_usd * MICROS),
        "settled": int(totals.settled_usd * MICROS),
        "released": int(totals.released_usd * MICROS),
    }


def _entry(job: Job, totals: Totals) -> dict[str, Any]:
    amounts = _amounts(totals).items()
    added = {name: firestore.Increment(amount) for name, amount in amounts if amount}
    return {"days": {job.place.day: added}}


def _put(batch: Batch, found: Any, content: dict[str, Any]) -> None:
    """Only if the document is as it was read, there or not."""
    if not found.exists:
        batch.create(found.reference, content)
        return
    unchanged = firestore.Client.write_option(last_update_time=found.update_time)
    batch.update(found.reference, content, option=unchanged)
