"""Holds money within the caps: reads `spend` and `settled`, adds to a job's batch.

A job's money is held in its own document of each account, if that one has room by
itself. Only otherwise are all documents of the account read: see domain/escrow.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

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

# Snapshots by the path of their document.
Found = Mapping[str, Document]
# A deploy with another cap is noticed by the first job of each new process, and what a
# process of the old revision still admits after that by the next look.
LOOK_EVERY = timedelta(minutes=1)


class FirestoreCaps(Struct, frozen=True, kw_only=True):
    """`looked`: by account and day, when this process last looked at all documents and
    found none beyond its allowance.
    """

    database: Database
    limits: Limits
    looked: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def scopes(self, key: LedgerKey) -> Iterable[tuple[str, str, Caps]]:
        """The accounts of a job, its document of each, and the caps."""
        return zip(key.accounts, key.documents, self.limits.caps(), strict=True)

    def conditions(self, key: LedgerKey) -> list[Reference]:
        """What `hold` wants to have been read: a job's documents of capped accounts."""
        return [
            reference
            for _, document, caps in self.scopes(key)
            if caps.are_set
            for reference in self._kept(document)
        ]

    def hold(
        self,
        batch: Batch,
        key: LedgerKey,
        held: Totals,
        now: datetime,
        found: Found,
        *,
        is_guess: bool = False,
    ) -> None:
        """LimitReached if the account as a whole has no room.

        `is_guess`: of what was `found`. LostRace where it doesn't show that there is.
        """
        for account, document, caps in self.scopes(key):
            if not caps.are_set:
                added = records.added_totals(key.day, held)
                batch.merge(self.database.document("spend", document), added)
                continue
            admission = _Admission(
                names=documents_of(account, self.limits.shards),
                taking=document,
                caps=caps,
                day=key.day,
                held=held,
                now=now.astimezone(self.limits.zone),
            )
            self._admit(batch, account, admission, found, is_guess=is_guess)

    def have_rechecked(self, batch: Batch, account: str, day: str) -> None:
        """The next admission in each document looks at all of them, and so does the
        next one on `day`.
        """
        for name in documents_of(account, self.limits.shards):
            spend = self.database.document("spend", name)
            batch.merge(spend, records.to_recheck(day))

    def _admit(
        self,
        batch: Batch,
        account: str,
        admission: "_Admission",
        found: Found,
        *,
        is_guess: bool,
    ) -> None:
        spend, settled = (found[each.path] for each in self._kept(admission.taking))
        own = _shard(spend, settled)
        if self._is_looked_at(account, admission) and admission.fits_alone(own):
            admission.take(batch, {admission.taking: spend}, {})
            return
        if is_guess:
            raise LostRace(f"{account}: by what is known there is no room")
        kept = [self._kept(name) for name in admission.names]
        read = self.database.get_all(each for pair in kept for each in pair)
        all_spend, all_settled = read[::2], read[1::2]
        loans = admission.loans([*map(_shard, all_spend, all_settled)])
        by_name = dict(zip(admission.names, all_spend, strict=True))
        admission.take(batch, by_name, loans)
        if not loans:
            self.looked[account, admission.day] = admission.now

    def _is_looked_at(self, account: str, admission: "_Admission") -> bool:
        if len(admission.names) == 1:
            return True
        last = self.looked.get((account, admission.day))
        return last is not None and abs(admission.now - last) < LOOK_EVERY

    def _kept(self, document: str) -> tuple[Reference, Reference]:
        return (
            self.database.document("spend", document),
            self.database.document("settled", document),
        )


class _Admission(Struct, frozen=True, kw_only=True):
    """`held` on `day`, from the document `taking` of an account with these `names`."""

    names: Sequence[str]
    taking: str
    caps: Caps
    day: str
    held: Totals
    now: datetime

    @property
    def nth(self) -> int:
        return self.names.index(self.taking)

    def fits_alone(self, own: Shard) -> bool:
        amount, count = self.held.held_usd, len(self.names)
        return can_take_alone(own, self.nth, count, amount, self.caps, self.day)

    def loans(self, shards: Sequence[Shard]) -> Loans:
        total = sum((shard.account for shard in shards), Account())
        check(total, self.caps, self.day, self.held.held_usd, self.now)
        return borrow(shards, self.nth, self.held.held_usd, self.caps, self.day)

    def take(self, batch: Batch, spend: Mapping[str, Document], loans: Loans) -> None:
        """Writes the own document and those that borrow or lend, as they were read."""
        for nth in {self.nth, *loans}:
            kept = spend[self.names[nth]]
            changes = records.lent(loans[nth]) if nth in loans else {}
            if nth == self.nth:
                before = kept.to_dict() or {}
                changes |= records.admitted(before, self.day, self.held)
            batch.change(kept, changes)


def is_settled(reference: Reference) -> bool:
    """No commit is conditional on it, and what it releases only grows."""
    return str(reference.path).startswith("settled/")


def _shard(spend: Document, settled: Document) -> Shard:
    kept, ended = spend.to_dict() or {}, settled.to_dict() or {}
    return Shard(
        account=records.total([kept, ended]),
        borrowed=records.borrowed(kept),
        recheck=records.recheck(kept),
    )
