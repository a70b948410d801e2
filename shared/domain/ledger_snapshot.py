"""Whether the ledger balances: compares what it holds with the jobs that are open."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct, field

from shared.domain.ledger import ZERO, Account, account_of, in_micros


class OpenJob(Struct, frozen=True, kw_only=True):
    """An open job and what the ledger should hold for it, in which documents."""

    user_id: str
    documents: tuple[str, ...]
    hold_usd: Decimal


class LedgerSnapshot(Struct, frozen=True, kw_only=True):
    """The whole ledger at one moment, with the jobs that are open.

    `borrowed`: by document and period. `open_jobs`: how many are counted, by user.
    """

    jobs: tuple[OpenJob, ...]
    documents: Mapping[str, Account]
    borrowed: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    open_jobs: Mapping[str, int]

    @property
    def document_differences(self) -> Mapping[str, Decimal]:
        """By document, what is held in excess of its open jobs; may be negative."""
        holds: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for job in self.jobs:
            for name in job.documents:
                holds[name] += in_micros(job.hold_usd)
        off = {
            name: self.documents.get(name, Account()).month.open_usd - holds[name]
            for name in [*self.documents, *holds]
        }
        return {name: usd for name, usd in sorted(off.items()) if usd}

    @property
    def loan_differences(self) -> Mapping[tuple[str, str], Decimal]:
        """By account and period, what its shards borrowed minus what they lent."""
        sums: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        for document, loans in self.borrowed.items():
            for period, usd in loans.items():
                sums[account_of(document), period] += usd
        return {loan: usd for loan, usd in sorted(sums.items()) if usd}

    @property
    def user_differences(self) -> Mapping[str, int]:
        """By user, how many more open jobs are counted than exist; may be negative."""
        counted = Counter(self.open_jobs)
        counted.subtract(job.user_id for job in self.jobs)
        return {user: jobs for user, jobs in sorted(counted.items()) if jobs}
