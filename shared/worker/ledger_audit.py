"""Checks whether the ledger balances, and logs what does not; read-only."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo

import structlog
from msgspec import Struct

from shared.domain.ledger_snapshot import LedgerSnapshot
from shared.ports.store import Clock

log = structlog.get_logger()

# Firestore refuses to read in the future, where a clock that is ahead would put us.
READ_LAG = timedelta(seconds=10)


class LedgerAudit(Struct, frozen=True, kw_only=True):
    """`read(at, days)`: the snapshot of the accounts of these days at the time `at`.

    It returns None if there are more open jobs than it reads.
    """

    read: Callable[[datetime, Sequence[date]], LedgerSnapshot | None]
    clock: Clock
    zone: tzinfo

    def __call__(self) -> int:
        """The number of documents, loans and per-user job counts that are off."""
        at = self.clock.now() - READ_LAG
        # On the first of a month, jobs of the previous month have only just ended.
        today = at.astimezone(self.zone).date()
        ledger = self.read(at, [today, today - timedelta(days=1)])
        if ledger is None:
            log.warning("ledger_not_checked", why="too many open jobs")
            return 0
        return _log(ledger)


def _log(ledger: LedgerSnapshot) -> int:
    documents, loans = ledger.document_differences, ledger.loan_differences
    for name, usd in documents.items():
        log.error("ledger_out_of_balance", document=name, off_by_usd=f"{usd:f}")
    for (account, period), usd in loans.items():
        where = {"loans_of": account, "period": period}
        log.error("ledger_out_of_balance", **where, off_by_usd=f"{usd:f}")
    for user_id, jobs in ledger.user_differences.items():
        log.error("ledger_out_of_balance", user_id=user_id, off_by_jobs=jobs)
    off = len(documents) + len(loans) + len(ledger.user_differences)
    if not off:
        checked, open_jobs = len(ledger.documents), len(ledger.jobs)
        log.info("ledger_balanced", documents=checked, open_jobs=open_jobs)
    return off
