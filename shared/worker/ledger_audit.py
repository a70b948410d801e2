"""Look whether the ledger balances, and tell where it does not; nothing is changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import structlog

from shared.domain.ledger import place
from shared.domain.ledger_snapshot import LedgerSnapshot
from shared.ports.store import Clock

log = structlog.get_logger()

# So that no clock of ours asks the store for its future.
AGO = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """`read(at, accounts)`: the books as they were at `at`, `accounts` among them.

    None where more jobs are open than are read.
    """

    read: Callable[[datetime, Sequence[str]], LedgerSnapshot | None]
    clock: Clock
    zone: tzinfo

    def __call__(self) -> int:
        """How many accounts are off, users' counts of open jobs among them."""
        at = self.clock.now() - AGO
        # On the first of a month, jobs of the month before have just ended.
        days = (at, at - timedelta(days=1))
        everybody = [place("", day, self.zone).accounts[0] for day in days]
        books = self.read(at, everybody)
        if books is None:
            log.warning("ledger_not_checked", why="too many open jobs")
            return 0
        return _told(books)


def _told(books: LedgerSnapshot) -> int:
    accounts, users = books.accounts_off, books.users_off
    for account, usd in accounts.items():
        log.error("ledger_out_of_balance", account=account, off_by_usd=f"{usd:f}")
    for user_id, jobs in users.items():
        log.error("ledger_out_of_balance", user_id=user_id, off_by_jobs=jobs)
    if not accounts and not users:
        checked, jobs = len(books.accounts), len(books.jobs)
        log.info("ledger_balances", accounts=checked, open_jobs=jobs)
    return len(accounts) + len(users)
