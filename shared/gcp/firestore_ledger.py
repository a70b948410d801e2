"""The ledger in Firestore: `spend/{account}` by month, `users/{id}` counts.

With the end of a job goes its usage, `usage/{account}`, which nothing is read for.
Amounts are whole millionths of a USD. Where a cap is set, the account that was read is
a precondition of the commit; where none is, plain increments never stand in a queue.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from google.cloud import firestore

from shared.domain.booking import booking_unread
from shared.domain.job import Job
from shared.domain.ledger import (
    Account,
    Booking,
    Caps,
    JobCount,
    LedgerKey,
    Limits,
    Totals,
    check,
    with_one_more,
    with_one_more_upload,
)
from shared.domain.usage import Counts
from shared.gcp.firestore_calls import Batch, Database, Document
from shared.gcp.usage_record import MICROS, added_usage

_NOT_MONEY = (KeyError, TypeError, ValueError, ArithmeticError)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirestoreLedger:
    """Adds a job's bookings to the batch that commits the job."""

    database: Database
    limits: Limits

    def add_new(self, batch: Batch, job: Job, booked: Booking, now: datetime) -> None:
        """A new job's hold and its count; LimitReached, TooManyJobs."""
        self._count(batch, job, now)
        self._hold(batch, job, booked.totals, now)

    def add(self, batch: Batch, job: Job, booked: Booking, now: datetime) -> None:
        """A later booking; LimitReached if it needs room that the caps don't have."""
        if booked.needs_room:
            self._hold(batch, job, booked.totals, now)
        elif booked.totals != Totals():
            self._book(batch, job.ledger_key, booked.totals)
        if booked.open_jobs:
            self._close(batch, job.user_id)
        if booked.usage:
            self._count_usage(batch, job.ledger_key, booked.usage)

    def add_raw(self, batch: Batch, raw: Mapping[str, Any]) -> None:
        """The end of a job that can't be read: all that it holds counts as spent."""
        if user_id := raw.get("user_id"):
            self._close(batch, str(user_id))
        try:
            accounts = tuple(str(name) for name in raw["ledger_key"]["accounts"])
            key = LedgerKey(accounts=accounts, day=str(raw["ledger_key"]["day"]))
            booked = booking_unread(Decimal(raw["hold_usd"]), _cost_usd(raw))
        except _NOT_MONEY:
            return
        self._book(batch, key, booked.totals)
        self._count_usage(batch, key, booked.usage)

    def add_upload(self, batch: Batch, user_id: str, now: datetime) -> None:
        """One more upload that is let in; TooManyJobs."""
        found = self.database.get(self._user(user_id))
        before = _job_count(found.to_dict() or {})
        _put(batch, found, asdict(with_one_more_upload(before, self.limits, now)))

    def _count(self, batch: Batch, job: Job, now: datetime) -> None:
        found = self.database.get(self._user(job.user_id))
        count = with_one_more(_job_count(found.to_dict() or {}), self.limits, now)
        _put(batch, found, asdict(count))

    def _book(self, batch: Batch, key: LedgerKey, totals: Totals) -> None:
        for name in key.accounts:
            batch.merge(self._account(name), _entry(key, totals))

    def _close(self, batch: Batch, user_id: str) -> None:
        closed = {"open_jobs": firestore.Increment(-1)}
        batch.merge(self._user(user_id), closed)

    def _count_usage(
        self, batch: Batch, key: LedgerKey, usage: Mapping[str, Counts]
    ) -> None:
        added = added_usage(key.day, usage)
        for name in key.accounts:
            document = self.database.document("usage", name)
            batch.merge(document, added)

    def _hold(self, batch: Batch, job: Job, totals: Totals, now: datetime) -> None:
        local = now.astimezone(self.limits.zone)
        for name, caps in zip(job.ledger_key.accounts, self.limits.caps(), strict=True):
            if caps.are_set:
                self._hold_within(batch, name, caps, job, totals, local)
            else:
                batch.merge(self._account(name), _entry(job.ledger_key, totals))

    def _hold_within(
        self,
        batch: Batch,
        name: str,
        caps: Caps,
        job: Job,
        totals: Totals,
        local: datetime,
    ) -> None:
        found = self.database.get(self._account(name))
        account = read_account(found.to_dict() or {})
        check(account, caps, job.ledger_key.day, totals.held_usd, local)
        after = account.on(job.ledger_key.day) + totals
        days = {**account.days, job.ledger_key.day: after}
        _put(batch, found, {"days": {day: _amounts(t) for day, t in days.items()}})

    def _account(self, name: str) -> Any:
        return self.database.document("spend", name)

    def _user(self, user_id: str) -> Any:
        return self.database.document("users", quote(user_id, safe=""))


def read_account(document: Mapping[str, Any]) -> Account:
    """The account that a `spend/…` document holds."""
    days = document.get("days", {})
    return Account(days={day: _totals(amounts) for day, amounts in days.items()})


def _cost_usd(raw: Mapping[str, Any]) -> Decimal:
    """What the attempts of a raw job cost; 0 where that can't be read."""
    try:
        return sum((Decimal(a["cost_usd"]) for a in raw["attempts"]), Decimal(0))
    except _NOT_MONEY:
        return Decimal(0)


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


def _entry(key: LedgerKey, totals: Totals) -> dict[str, Any]:
    amounts = _amounts(totals).items()
    added = {name: firestore.Increment(amount) for name, amount in amounts if amount}
    return {"days": {key.day: added}}


def _job_count(document: Mapping[str, Any]) -> JobCount:
    return JobCount(
        open_jobs=document.get("open_jobs", 0),
        minute=document.get("minute", ""),
        made=document.get("made", 0),
        uploads=document.get("uploads", 0),
    )


def _put(batch: Batch, found: Document, content: dict[str, Any]) -> None:
    """Only if the document is as it was read, existing or not."""
    batch.put(found.reference, content, found.update_time)
