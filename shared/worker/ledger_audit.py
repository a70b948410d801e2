"""Look whether the ledger balances, and tell where it does not; nothing is changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import structlog

from shared.domain.ledger import ledger_key
from shared.domain.ledger_snapshot import LedgerSnapshot
from shared.ports.store import Clock

log = structlog.get_logger()

# So that no clock of ours asks the store for its future.
AGO = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """`read(at, accounts)`: the ledger as it was at `at`, `accounts` among them.

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
        everybody = [ledger_key("", day, self.zone).accounts[0] for day in days]
        ledger = self.read(at, everybody)
        if ledger is None:
            log.warning("ledger_not_checked", why="too many open jobs")
            return 0
        return _told(ledger)


def _told(ledger: LedgerSnapshot) -> int:
    accounts, users = ledger.accounts_off, ledger.users_off
    for account, usd in accounts.items():
        log.error("ledger_out_of_balance", account=account, off_by_usd=f"{usd:f}")
    for user_id, jobs in users.items():
        log.error("ledger_out_of_balance", user_id=user_id, off_by_jobs=jobs)
    if not accounts and not users:
        checked, jobs = len(ledger.accounts), len(ledger.jobs)
        log.info("ledger_balances", accounts=checked, open_jobs=jobs)
    return len(accounts) + len(users)
