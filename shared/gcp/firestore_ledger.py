"""The ledger in Firestore: adds a job's bookings to the batch that commits the job.

spend/{document}    what is held. Where a cap is set, a commit is conditioned on it.
settled/{document}  what jobs settle and release at their end, by increments alone: so
                    no end spoils a creation.
usage/{document}    what ended jobs made and cost; only reports read it.
users/{user_id}     how many jobs the user has open, and made in this minute.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from google.cloud import firestore

from shared.domain.booking import booking_unread
from shared.domain.errors import LimitReached
from shared.domain.escrow import Loans, Shard, borrow
from shared.domain.job import Job
from shared.domain.job_count import (
    JobCount,
    hour_of,
    with_one_more,
    with_one_more_upload,
)
from shared.domain.ledger import (
    NOTHING,
    Account,
    Booking,
    Caps,
    LedgerKey,
    Limits,
    Totals,
    check,
    documents_of,
)
from shared.domain.usage import Counts
from shared.gcp import ledger_records as records
from shared.gcp.firestore_calls import Batch, Database, Document, Reference

Found = Mapping[str, Document]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirestoreLedger:
    database: Database
    limits: Limits

    def add_new(self, batch: Batch, job: Job, booked: Booking, now: datetime) -> None:
        """A new job's hold and its count; LimitReached, TooManyJobs."""
        user = self._user(job.user_id)
        found = self._read([user, *self._conditions(job.ledger_key)])
        count = with_one_more(_job_count(found[user.path]), self.limits, now)
        _put(batch, found[user.path], asdict(count))
        self._hold(batch, job.ledger_key, booked.totals, now, found)

    def add(self, batch: Batch, job: Job, booked: Booking, now: datetime) -> None:
        """A later booking; LimitReached if it needs room that the caps don't have."""
        key, totals = job.ledger_key, booked.totals
        if booked.needs_room:
            found = self._read(self._conditions(key))
            self._hold(batch, key, totals, now, found)
        else:
            self._book(batch, key, totals)
        if booked.open_jobs:
            self._close(batch, job.user_id, booked.unprepared_at)
        if booked.usage:
            self._count_usage(batch, key, booked.usage)

    def add_raw(self, batch: Batch, raw: Mapping[str, Any]) -> None:
        """The end of a job that can't be read: all that it holds counts as spent."""
        if user_id := raw.get("user_id"):
            self._close(batch, str(user_id))
        try:
            key = records.ledger_key(raw["ledger_key"])
            booked = booking_unread(Decimal(raw["hold_usd"]), _cost_usd(raw))
        except records.NOT_MONEY:
            return
        self._book(batch, key, booked.totals)
        self._count_usage(batch, key, booked.usage)

    def add_upload(self, batch: Batch, user_id: str, now: datetime) -> None:
        """One more upload that is let in; TooManyJobs."""
        found = self.database.get(self._user(user_id))
        count = with_one_more_upload(_job_count(found), self.limits, now)
        _put(batch, found, asdict(count))

    def _hold(
        self, batch: Batch, key: LedgerKey, held: Totals, now: datetime, found: Found
    ) -> None:
        for account, document, caps in self._scopes(key):
            if caps.are_set:
                admission = _Admission(
                    names=documents_of(account, self.limits.shards),
                    taking=document,
                    caps=caps,
                    day=key.day,
                    held=held,
                    now=now.astimezone(self.limits.zone),
                )
                self._admit(batch, admission, found)
            else:
                added = records.added_totals(key.day, held)
                batch.merge(self._reference("spend", document), added)

    def _admit(self, batch: Batch, admission: "_Admission", found: Found) -> None:
        """Takes from the job's own document alone, if nothing is short of anything.

        Without what was released, usage is overestimated: that is read only if needed.
        """
        spend = [found[self._path("spend", name)] for name in admission.names]
        try:
            if not admission.loans([_shard(each) for each in spend]):
                return admission.take(batch, spend, {})
        except LimitReached:
            pass
        both = [
            self._reference(collection, name)
            for collection in ("spend", "settled")
            for name in admission.names
        ]
        again = self.database.get_all(both)
        spend, settled = again[: len(again) // 2], again[len(again) // 2 :]
        shards = [_shard(*each) for each in zip(spend, settled, strict=True)]
        return admission.take(batch, spend, admission.loans(shards))

    def _conditions(self, key: LedgerKey) -> list[Reference]:
        """All documents of the accounts with caps."""
        return [
            self._reference("spend", name)
            for account, _, caps in self._scopes(key)
            if caps.are_set
            for name in documents_of(account, self.limits.shards)
        ]

    def _scopes(self, key: LedgerKey) -> Iterable[tuple[str, str, Caps]]:
        """The job's accounts, its document of each, and its caps."""
        return zip(key.accounts, key.documents, self.limits.caps(), strict=True)

    def _book(self, batch: Batch, key: LedgerKey, totals: Totals) -> None:
        """Whatever the caps say: more is held only because it is owed already."""
        for collection, part in (
            ("spend", Totals(held_usd=totals.held_usd)),
            ("settled", replace(totals, held_usd=NOTHING)),
        ):
            if part != Totals():
                added = records.added_totals(key.day, part)
                for name in key.documents:
                    batch.merge(self._reference(collection, name), added)

    def _count_usage(
        self, batch: Batch, key: LedgerKey, usage: Mapping[str, Counts]
    ) -> None:
        added = records.added_usage(key.day, usage)
        for name in key.documents:
            batch.merge(self._reference("usage", name), added)

    def _close(
        self, batch: Batch, user_id: str, unprepared_at: datetime | None = None
    ) -> None:
        closed: dict[str, Any] = {"open_jobs": firestore.Increment(-1)}
        if unprepared_at:
            closed["unprepared"] = {hour_of(unprepared_at): firestore.Increment(1)}
        batch.merge(self._user(user_id), closed)

    def _read(self, references: Iterable[Reference]) -> Found:
        found = self.database.get_all(references)
        return {document.reference.path: document for document in found}

    def _user(self, user_id: str) -> Reference:
        return self._reference("users", quote(user_id, safe=""))

    def _path(self, collection: str, name: str) -> str:
        path: str = self._reference(collection, name).path
        return path

    def _reference(self, collection: str, name: str) -> Reference:
        return self.database.document(collection, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admission:
    """`held` on `day`, from the document `taking` of an account with these `names`."""

    names: Sequence[str]
    taking: str
    caps: Caps
    day: str
    held: Totals
    now: datetime

    def loans(self, shards: Sequence[Shard]) -> Loans:
        """LimitReached if the account as a whole has no room."""
        total = sum((shard.account for shard in shards), Account())
        check(total, self.caps, self.day, self.held.held_usd, self.now)
        taking = self.names.index(self.taking)
        return borrow(shards, taking, self.held.held_usd, self.caps, self.day)

    def take(self, batch: Batch, spend: Sequence[Document], loans: Loans) -> None:
        for nth, (name, kept) in enumerate(zip(self.names, spend, strict=True)):
            before = _shard(kept)
            after = replace(before, borrowed=loans.get(nth, before.borrowed))
            if name == self.taking:
                account = before.account.plus(self.day, self.held)
                after = replace(after, account=account)
            if after != before:
                _put(batch, kept, records.spend_record(after))


def _shard(spend: Document, settled: Document | None = None) -> Shard:
    kept = [found.to_dict() or {} for found in (spend, settled) if found]
    return Shard(account=records.total(kept), borrowed=records.borrowed(kept[0]))


def _cost_usd(raw: Mapping[str, Any]) -> Decimal:
    """What the attempts of a raw job cost; 0 where that can't be read."""
    try:
        return sum((Decimal(a["cost_usd"]) for a in raw["attempts"]), Decimal(0))
    except records.NOT_MONEY:
        return Decimal(0)


def _job_count(found: Document) -> JobCount:
    record = found.to_dict() or {}
    return JobCount(
        open_jobs=record.get("open_jobs", 0),
        minute=record.get("minute", ""),
        made=record.get("made", 0),
        uploads=record.get("uploads", 0),
        unprepared=record.get("unprepared", {}),
    )


def _put(batch: Batch, found: Document, content: dict[str, Any]) -> None:
    """Only if the document is as it was read, existing or not."""
    batch.put(found.reference, content, found.update_time)
