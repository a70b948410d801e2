"""Keeps the ledger in Firestore: adds a job's bookings to the batch that commits it.

spend/{document}    what is held; if a cap is set, only within it.
settled/{document}  what jobs settle and release when they end. It is only incremented,
                    so ending a job never conflicts with creating one.
usage/{document}    what ended jobs made and cost; only reports read it.
users/{user_id}     how many jobs the user has open and has created in this minute, and
                    the same for uploads and translations.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from msgspec.structs import asdict

from shared.domain.booking import booking, booking_of_unreadable
from shared.domain.errors import LostRace, ReelayError, TooManyJobs
from shared.domain.job import Job
from shared.domain.job_count import (
    JobCount,
    hour_of,
    with_one_more_job,
    with_one_more_translation,
    with_one_more_upload,
)
from shared.domain.ledger import ZERO, Booking, LedgerKey, Limits, Totals
from shared.domain.structs import replace
from shared.domain.usage import NO_PROVIDER, Counts
from shared.gcp import ledger_records as records
from shared.gcp.document_cache import AdvisoryLocks, DocumentCache
from shared.gcp.firestore_calls import Batch, Database, Document, Reference
from shared.gcp.firestore_caps import FirestoreCaps, Snapshots, is_settled
from shared.gcp.firestore_records import from_record


class FirestoreLedger:
    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._caps = FirestoreCaps(database=database, limits=limits)
        self._cache = DocumentCache()
        self._locks = AdvisoryLocks()

    def commit_new(self, batch: Batch, job: Job) -> None:
        """Commits the batch, with a new job's hold and its count added to it.

        Decides first by what this process has cached, if anything, unless all documents
        of an account are to be read. If that attempt is refused, it reads the documents
        and decides again. Raises what `add_new` and `Batch.commit` raise.
        """
        with self._lock(job):
            if self._can_guess(job):
                size = batch.size
                with suppress(LostRace, TooManyJobs):
                    self._commit_new(batch, job, guess=True)
                    return
                batch.cut(size)
            self._commit_new(batch, job, guess=False)

    def _lock(self, job: Job) -> AbstractContextManager[None]:
        """Keeps other threads from adding a job that would conflict with this one."""
        (_, shared, caps), *_ = self._caps.scopes(job.ledger_key)
        return self._locks.hold([job.user_id, *([shared] if caps.are_set else [])])

    def _can_guess(self, job: Job) -> bool:
        if self._caps.is_full_check_due(job.ledger_key, job.created_at):
            return False
        return any(self._cache.guess(each.path) for each in self._conditions(job))

    def _commit_new(self, batch: Batch, job: Job, *, guess: bool) -> None:
        self.add_new(batch, job, guess=guess)
        try:
            batch.commit()
        except ReelayError:
            self._cache.invalidate(each.path for each in self._conditions(job))
            raise
        self._cache.record_writes(batch.written)

    def add_new(self, batch: Batch, job: Job, *, guess: bool = False) -> None:
        """Adds a new job's hold, and counts it. Raises LimitReached or TooManyJobs.

        `guess`: uses cached documents instead of reading them. LostRace or TooManyJobs
        then only means that they must be read.
        """
        find = self._cached_or_read if guess else self._read
        user, *conditions = self._conditions(job)
        now = job.created_at
        if not guess:
            self._require_count(user, now)
        found = find(user, *conditions)
        count = with_one_more_job(_job_count(found[user.path]), self._limits, now)
        _put(batch, found[user.path], asdict(count))
        key, held_usd = job.ledger_key, booking(None, job).totals.held_usd
        self._caps.hold(batch, key, held_usd, now, found, is_guess=guess)

    def _require_count(self, user: Reference, now: datetime) -> None:
        """TooManyJobs if the user had too many when last seen, and still has: it reads
        one document, so who keeps asking doesn't have all those of an account read.
        """
        last = self._cache.last_seen(user.path)
        if last is None:
            return
        try:
            with_one_more_job(_job_count(last), self._limits, now)
        except TooManyJobs:
            found = self._read(user)[user.path]
            with_one_more_job(_job_count(found), self._limits, now)

    def add(self, batch: Batch, job: Job, booked: Booking) -> None:
        """Adds a later booking; LimitReached if the caps have no room that it needs."""
        key, totals = job.ledger_key, booked.totals
        if booked.needs_room:
            found = self._read(*self._caps.conditions(key, job.updated_at))
            self._caps.hold(batch, key, totals.held_usd, job.updated_at, found)
            totals = replace(totals, held_usd=ZERO)
        self._book(batch, key, totals)
        if booked.open_jobs:
            self._close(batch, job.user_id, booked.unpaid_at)
        if booked.usage:
            self._count_usage(batch, key, booked.usage)

    def add_raw(self, batch: Batch, raw: Mapping[str, Any]) -> None:
        """Adds the end of a job that can't be read: its whole hold counts as spent."""
        if user_id := raw.get("user_id"):
            self._close(batch, str(user_id))
        try:
            key = records.ledger_key(raw["ledger_key"])
            booked = booking_of_unreadable(Decimal(raw["hold_usd"]), _cost_usd(raw))
        except records.MALFORMED:
            return
        self._book(batch, key, booked.totals)
        self._count_usage(batch, key, booked.usage)

    def add_upload(self, batch: Batch, user_id: str, now: datetime) -> None:
        """Counts one more upload; TooManyJobs if the user has reached the limit."""
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
        """Books a translation outside a job as spent. Raises LimitReached or
        TooManyRequests.
        """
        user = self._user(user_id)
        found = self._read(user, *self._caps.conditions(key, now))
        count = with_one_more_translation(
            _job_count(found[user.path]), self._limits, now
        )
        _put(batch, found[user.path], asdict(count))
        self._caps.hold(batch, key, price_usd, now, found)
        self._book(batch, key, Totals(settled_usd=price_usd))
        self._count_usage(batch, key, {NO_PROVIDER: Counts(cost_usd=price_usd)})

    def release(self, batch: Batch, key: LedgerKey, unspent_usd: Decimal) -> None:
        """Releases the part of a translation's booking that it did not cost.

        It only increments, so no precondition prevents a repeated commit from taking
        effect twice.
        """
        released = Totals(settled_usd=-unspent_usd, released_usd=unspent_usd)
        self._book(batch, key, released)
        self._count_usage(batch, key, {NO_PROVIDER: Counts(cost_usd=-unspent_usd)})

    def _book(self, batch: Batch, key: LedgerKey, totals: Totals) -> None:
        """Books without checking the caps: anything it holds in addition is owed."""
        ended = replace(totals, held_usd=ZERO)
        for account, document, caps in self._caps.scopes(key):
            if ended != Totals():
                added = records.total_increments(key.day, ended)
                batch.increment(self._database.document("settled", document), added)
            if totals.held_usd:
                owed = records.total_increments(
                    key.day, Totals(held_usd=totals.held_usd)
                )
                batch.increment(self._database.document("spend", document), owed)
                if caps.are_set:
                    self._caps.request_full_check(batch, account, key.day)

    def _count_usage(
        self, batch: Batch, key: LedgerKey, usage: Mapping[str, Counts]
    ) -> None:
        added = records.usage_increments(key.day, usage)
        for name in key.documents:
            batch.increment(self._database.document("usage", name), added)

    def _close(
        self, batch: Batch, user_id: str, unpaid_at: datetime | None = None
    ) -> None:
        closed: dict[str, Any] = {"open_jobs": -1}
        if unpaid_at:
            closed["unpaid"] = {hour_of(unpaid_at): 1}
        batch.increment(self._user(user_id), closed)

    def _conditions(self, job: Job) -> Sequence[Reference]:
        key, now = job.ledger_key, job.created_at
        return (self._user(job.user_id), *self._caps.conditions(key, now))

    def _cached_or_read(self, *references: Reference) -> Snapshots:
        """Reads what isn't cached. A `settled` document may be outdated: it then shows
        less released than there is, which may refuse a job, but never admits one.
        """
        cached = {
            each.path: guess
            for each in references
            if (guess := self._cache.guess(each.path))
            or (is_settled(each) and (guess := self._cache.last_seen(each.path)))
        }
        missing = [each for each in references if each.path not in cached]
        return {**cached, **self._read(*missing)}

    def _read(self, *references: Reference) -> Snapshots:
        found = self._database.get_all(references)
        self._cache.record_reads(found)
        return {document.reference.path: document for document in found}

    def _user(self, user_id: str) -> Reference:
        return self._database.document("users", quote(user_id, safe=""))


def _cost_usd(raw: Mapping[str, Any]) -> Decimal:
    """The cost of a raw job's attempts; 0 if that is malformed."""
    try:
        return sum((Decimal(a["cost_usd"]) for a in raw["attempts"]), Decimal(0))
    except records.MALFORMED:
        return Decimal(0)


def _job_count(found: Document) -> JobCount:
    return from_record(JobCount, found.to_dict() or {}, use_defaults=True)


def _put(batch: Batch, found: Document, content: dict[str, Any]) -> None:
    """On the precondition that the document is as it was read, or is still missing."""
    batch.put(found.reference, content, found.update_time)
