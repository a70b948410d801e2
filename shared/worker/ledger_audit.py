"""Checks whether the ledger balances and logs what does not; changes nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo

import structlog
from msgspec import Struct

from shared.domain.ledger import ledger_key_on
from shared.domain.ledger_snapshot import LedgerSnapshot
from shared.ports.store import Clock

log = structlog.get_logger()

# Firestore refuses to read the future, which this machine's clock may be in.
AGO = timedelta(seconds=10)


class Balance(Struct, frozen=True, kw_only=True):
    """`read(at, accounts)`: the ledger as it was at `at`, with these accounts.

    It returns None if more jobs are open than are read.
    """

    read: Callable[[datetime, Sequence[str]], LedgerSnapshot | None]
    clock: Clock
    zone: tzinfo

    def __call__(self) -> int:
        """How many documents, loans and users' counts of open jobs are off."""
        at = self.clock.now() - AGO
        # On the first of a month, jobs of the month before have just ended.
        ledger = self.read(at, [self._shared(at), self._shared(at - timedelta(days=1))])
        if ledger is None:
            log.warning("ledger_not_checked", why="too many open jobs")
            return 0
        return _log(ledger)

    def _shared(self, at: datetime) -> str:
        """The account of all users at this moment."""
        return ledger_key_on("", at.astimezone(self.zone).date()).accounts[0]


def _log(ledger: LedgerSnapshot) -> int:
    money = [
        *(("document", name, usd) for name, usd in ledger.documents_off.items()),
        *(("loans_of", name, usd) for name, usd in ledger.loans_off.items()),
    ]
    for what, name, usd in money:
        log.error("ledger_out_of_balance", **{what: name}, off_by_usd=f"{usd:f}")
    for user_id, jobs in ledger.users_off.items():
        log.error("ledger_out_of_balance", user_id=user_id, off_by_jobs=jobs)
    off = len(money) + len(ledger.users_off)
    if not off:
        checked, open_jobs = len(ledger.documents), len(ledger.jobs)
        log.info("ledger_balances", documents=checked, open_jobs=open_jobs)
    return off
