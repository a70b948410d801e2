"""The ledger in Firestore: adds a job's bookings to the batch that commits the job.

spend/{document}    what is held; where a cap is set, only as the caps allow.
settled/{document}  what jobs settle and release at their end, by increments alone: so
                    no end spoils a creation.
usage/{document}    what ended jobs made and cost; only reports read it.
users/{user_id}     how many jobs the user has open, and made in this minute; and
                    uploads and translations.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from google.cloud import firestore
from msgspec.structs import asdict

from shared.domain.booking import booking_unread
from shared.domain.job import Job
from shared.domain.job_count import (
    JobCount,
    hour_of,
    with_one_more,
    with_one_more_translation,
    with_one_more_upload,
)
from shared.domain.ledger import NOTHING, Booking, LedgerKey, Limits, Totals
from shared.domain.structs import replace
from shared.domain.usage import NOBODY, Counts
from shared.gcp import ledger_records as records
from shared.gcp.firestore_calls import Batch, Database, Document, Reference
from shared.gcp.firestore_caps import FirestoreCaps, Found, is_settled
from shared.gcp.known_documents import KnownDocuments, Turns


class FirestoreLedger:
    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._caps = FirestoreCaps(database=database, limits=limits)
        self._known = KnownDocuments()
        self._turns = Turns()

    def turn(self, job: Job) -> AbstractContextManager[None]:
        """While it is held, no other thread adds a new job that would be a rival."""
        (_, shared, caps), *_ = self._caps.scopes(job.ledger_key)
        return self._turns.take([job.user_id, *([shared] if caps.are_set else [])])

    def add_new(
        self,
        batch: Batch,
        job: Job,
        booked: Booking,
        now: datetime,
        *,
        guess: bool = False,
    ) -> None:
        """A new job's hold and its count; LimitReached, TooManyJobs.

        `guess`: what is probably known is not read. LostRace or TooManyJobs then says
        no more than that it must be.
        """
        find = self._guessed if guess else self._read
        user, *conditions = self._conditions(job)
        found = find(user, *conditions)
        count = with_one_more(_job_count(found[user.path]), self._limits, now)
        _put(batch, found[user.path], asdict(count))
        key, totals = job.ledger_key, booked.totals
        self._caps.hold(batch, key, totals, now, found, is_guess=guess)

    def add(self, batch: Batch, job: Job, booked: Booking, now: datetime) -> None:
        """A later booking; LimitReached if it needs room that the caps don't have."""
        key, totals = job.ledger_key, booked.totals
        if booked.needs_room:
            found = self._read(*self._caps.conditions(key))
            self._caps.hold(batch, key, totals, now, found)
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
        found = self._database.get(self._user(user_id))
        count = with_one_more_upload(_job_count(found), self._limits, now)
        _put(batch, found, asdict(count))

    def add_translation(
        self,
        batch: Batch,
        user_id: str,
        key: LedgerKey,
        price_usd: Decimal,
        now: datetime,
    ) -> None:
        """A translation outside a job, spent in full; LimitReached, TooManyRequests."""
        user = self._user(user_id)
        found = self._read(user, *self._caps.conditions(key))
        count = with_one_more_translation(
            _job_count(found[user.path]), self._limits, now
        )
        _put(batch, found[user.path], asdict(count))
        self._caps.hold(batch, key, Totals(held_usd=price_usd), now, found)
        self._book(batch, key, Totals(settled_usd=price_usd))
        self._count_usage(batch, key, {NOBODY: Counts(cost_usd=price_usd)})

    def release(self, batch: Batch, key: LedgerKey, unspent_usd: Decimal) -> None:
        """What a translation was booked at beyond what it cost.

        By increments alone: nothing would keep a second commit of them from holding.
        """
        released = Totals(settled_usd=-unspent_usd, released_usd=unspent_usd)
        self._book(batch, key, released)
        self._count_usage(batch, key, {NOBODY: Counts(cost_usd=-unspent_usd)})

    def _book(self, batch: Batch, key: LedgerKey, totals: Totals) -> None:
        """Whatever the caps say: if more is held, it is because it is owed already."""
        ended = replace(totals, held_usd=NOTHING)
        for account, document, caps in self._caps.scopes(key):
            if ended != Totals():
                added = records.added_totals(key.day, ended)
                batch.merge(self._database.document("settled", document), added)
            if totals.held_usd:
                owed = records.added_totals(key.day, Totals(held_usd=totals.held_usd))
                batch.merge(self._database.document("spend", document), owed)
                if caps.are_set:
                    self._caps.have_rechecked(batch, account, key.day)

    def _count_usage(
        self, batch: Batch, key: LedgerKey, usage: Mapping[str, Counts]
    ) -> None:
        added = records.added_usage(key.day, usage)
        for name in key.documents:
            batch.merge(self._database.document("usage", name), added)

    def _close(
        self, batch: Batch, user_id: str, unprepared_at: datetime | None = None
    ) -> None:
        closed: dict[str, Any] = {"open_jobs": firestore.Increment(-1)}
        if unprepared_at:
            closed["unprepared"] = {hour_of(unprepared_at): firestore.Increment(1)}
        batch.merge(self._user(user_id), closed)

    def added(self, batch: Batch) -> None:
        """The commit of a batch with a new job holds."""
        self._known.written(batch.put_now)

    def doubt(self, job: Job) -> None:
        """The commit of a batch with this new job did not hold, or may not have."""
        self._known.doubt(each.path for each in self._conditions(job))

    def knows(self, job: Job) -> bool:
        """Whether `add_new` can guess anything."""
        return any(self._known.guess(each.path) for each in self._conditions(job))

    def _conditions(self, job: Job) -> Sequence[Reference]:
        return (self._user(job.user_id), *self._caps.conditions(job.ledger_key))

    def _guessed(self, *references: Reference) -> Found:
        """What is not known is read. What is settled may be old: less of it is then
        released than it seems, so that a job may be refused by it, but never admitted.
        """
        known = {
            each.path: guess
            for each in references
            if (guess := self._known.guess(each.path))
            or (is_settled(each) and (guess := self._known.last(each.path)))
        }
        missing = [each for each in references if each.path not in known]
        return {**known, **self._read(*missing)}

    def _read(self, *references: Reference) -> Found:
        found = self._database.get_all(references)
        self._known.read(found)
        return {document.reference.path: document for document in found}

    def _user(self, user_id: str) -> Reference:
        return self._database.document("users", quote(user_id, safe=""))


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
        translations=record.get("translations", 0),
        unprepared=record.get("unprepared", {}),
    )


def _put(batch: Batch, found: Document, content: dict[str, Any]) -> None:
    """Only if the document is as it was read, existing or not."""
    batch.put(found.reference, content, found.update_time)
