"""Holds money within the caps: reads `spend` and `settled`, and adds to a job's batch.

Each account is sharded into documents, and a job has one of each account. Its money is
held there if that document alone has room. Otherwise all documents of the account are
read: see domain/escrow.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import repeat

from msgspec import Struct, field

from shared.domain.errors import LostRace
from shared.domain.escrow import Loans, Shard, borrow, can_take_alone
from shared.domain.ledger import (
    Account,
    Caps,
    LedgerKey,
    Limits,
    Totals,
    check,
    documents_of,
)
from shared.gcp import ledger_records as records
from shared.gcp.firestore_calls import Batch, Database, Document, Reference

# By the path of the document.
Snapshots = Mapping[str, Document]
# The first job of each new process notices a cap that a deploy has changed. What a
# process of the old revision still admits after that is noticed at the next full check.
FULL_CHECK_INTERVAL = timedelta(minutes=1)


class FirestoreCaps(Struct, frozen=True, kw_only=True):
    """`full_checks`: by account and day, when this process last read all documents and
    found none beyond its allowance. It only has accounts with several documents, and
    checks of the last minute.
    """

    database: Database
    limits: Limits
    full_checks: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def scopes(self, key: LedgerKey) -> Iterable[tuple[str, str, Caps]]:
        """A job's accounts, each with the job's document and the account's caps."""
        return zip(key.accounts, key.documents, self.limits.caps(), strict=True)

    def conditions(self, key: LedgerKey, now: datetime) -> list[Reference]:
        """What `hold` needs in `found`, of accounts with a cap: the job's documents, or
        all documents if they are due for a full check.
        """
        return [
            reference
            for account, document, caps in self.scopes(key)
            if caps.are_set
            for name in self._needed(account, document, key.day, now)
            for reference in self._references(name)
        ]

    def is_full_check_due(self, key: LedgerKey, now: datetime) -> bool:
        return any(
            caps.are_set and not self._is_fully_checked(account, key.day, now)
            for account, _, caps in self.scopes(key)
        )

    def hold(
        self,
        batch: Batch,
        key: LedgerKey,
        held_usd: Decimal,
        now: datetime,
        found: Snapshots,
        *,
        is_guess: bool = False,
    ) -> None:
        """LimitReached if an account as a whole has no room.

        `is_guess`: whether `found` is cached. If it then shows no room, LostRace.
        """
        for account, document, caps in self.scopes(key):
            if not caps.are_set:
                held = Totals(held_usd=held_usd)
                added = records.total_increments(key.day, held)
                batch.increment(self.database.document("spend", document), added)
                continue
            admission = _Admission(
                documents=documents_of(account, self.limits.shards),
                own=document,
                caps=caps,
                day=key.day,
                held_usd=held_usd,
                now=now.astimezone(self.limits.zone),
            )
            self._admit(batch, account, admission, found, is_guess=is_guess)

    def request_full_check(self, batch: Batch, account: str, day: str) -> None:
        """Makes the next admission in each document read all of them, and likewise the
        next one on `day`.
        """
        for name in documents_of(account, self.limits.shards):
            spend = self.database.document("spend", name)
            batch.increment(spend, records.recheck_increments(day))

    def _admit(
        self,
        batch: Batch,
        account: str,
        admission: "_Admission",
        found: Snapshots,
        *,
        is_guess: bool,
    ) -> None:
        day, now = admission.day, admission.now
        spend, settled = (found[each.path] for each in self._references(admission.own))
        own = _shard(spend, settled, day)
        if self._is_fully_checked(account, day, now) and admission.fits_alone(own):
            admission.write(batch, {admission.own: spend}, {})
            return
        if is_guess:
            raise LostRace(f"{account}: no room according to the cache")
        read = self._read_all(admission.documents, found)
        all_spend, all_settled = read[::2], read[1::2]
        shards = map(_shard, all_spend, all_settled, repeat(admission.day))
        loans = admission.loans([*shards])
        by_name = dict(zip(admission.documents, all_spend, strict=True))
        admission.write(batch, by_name, loans)
        if not loans and len(admission.documents) > 1:
            self._record_full_check(account, admission)

    def _read_all(self, names: Sequence[str], found: Snapshots) -> list[Document]:
        """Consistent snapshots: those in `found`, if they are all there."""
        references = [each for name in names for each in self._references(name)]
        if all(each.path in found for each in references):
            return [found[each.path] for each in references]
        return self.database.get_all(references)

    def _record_full_check(self, account: str, admission: "_Admission") -> None:
        for checked, at in tuple(self.full_checks.items()):
            if abs(admission.now - at) >= FULL_CHECK_INTERVAL:
                self.full_checks.pop(checked, None)
        self.full_checks[account, admission.day] = admission.now

    def _needed(
        self, account: str, document: str, day: str, now: datetime
    ) -> Sequence[str]:
        if self._is_fully_checked(account, day, now):
            return (document,)
        return documents_of(account, self.limits.shards)

    def _is_fully_checked(self, account: str, day: str, now: datetime) -> bool:
        last = self.full_checks.get((account, day))
        if last is not None and abs(now - last) < FULL_CHECK_INTERVAL:
            return True
        return len(documents_of(account, self.limits.shards)) == 1

    def _references(self, document: str) -> tuple[Reference, Reference]:
        return (
            self.database.document("spend", document),
            self.database.document("settled", document),
        )


class _Admission(Struct, frozen=True, kw_only=True):
    """Holds an amount on `day` in `own`, one of an account's `documents`."""

    documents: Sequence[str]
    own: str
    caps: Caps
    day: str
    held_usd: Decimal
    now: datetime

    @property
    def nth(self) -> int:
        return self.documents.index(self.own)

    def fits_alone(self, own: Shard) -> bool:
        count = len(self.documents)
        return can_take_alone(own, self.nth, count, self.held_usd, self.caps, self.day)

    def loans(self, shards: Sequence[Shard]) -> Loans:
        total = sum((shard.account for shard in shards), Account())
        check(total, self.caps, self.day, self.held_usd, self.now)
        return borrow(shards, self.nth, self.held_usd, self.caps, self.day)

    def write(self, batch: Batch, spend: Mapping[str, Document], loans: Loans) -> None:
        """Changes the own document and those that borrow or lend, on the precondition
        that they are as they were read.
        """
        for nth in {self.nth, *loans}:
            found = spend[self.documents[nth]]
            changes = records.loan_changes(loans[nth]) if nth in loans else {}
            if nth == self.nth:
                before = found.to_dict() or {}
                changes |= records.admission_changes(before, self.day, self.held_usd)
            batch.change(found, changes)


def is_settled(reference: Reference) -> bool:
    """Whether it is a `settled` document. No commit has a precondition on those, and
    what they release only grows.
    """
    return str(reference.path).startswith("settled/")


def _shard(spend: Document, settled: Document, day: str) -> Shard:
    held, ended = spend.to_dict() or {}, settled.to_dict() or {}
    return Shard(
        account=records.total([held, ended], of_day=day),
        borrowed=records.borrowed(held),
        recheck=records.recheck(held),
    )
