"""Whether the ledger balances: what it says is open, beside the jobs that are open."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct, field

from shared.domain.ledger import NOTHING, Account, account_of, in_micros


class OpenJob(Struct, frozen=True, kw_only=True):
    """What the ledger knows an open job by."""

    user_id: str
    documents: tuple[str, ...]
    hold_usd: Decimal


class LedgerSnapshot(Struct, frozen=True, kw_only=True):
    """All of it at one moment: what each document holds, and has borrowed by period.

    `open_jobs`: how many the ledger counts, by user.
    """

    jobs: tuple[OpenJob, ...]
    documents: Mapping[str, Account]
    borrowed: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    open_jobs: Mapping[str, int]

    @property
    def documents_off(self) -> Mapping[str, Decimal]:
        """By document, what is held beyond what its open jobs hold; may be below 0."""
        holds: defaultdict[str, Decimal] = defaultdict(lambda: NOTHING)
        for job in self.jobs:
            for name in job.documents:
                holds[name] += in_micros(job.hold_usd)
        off = {
            name: self.documents.get(name, Account()).month.open_usd - holds[name]
            for name in [*self.documents, *holds]
        }
        return {name: usd for name, usd in sorted(off.items()) if usd}

    @property
    def loans_off(self) -> Mapping[str, Decimal]:
        """By account, what its shards borrowed in a period beyond what they lent."""
        sums: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: NOTHING)
        for document, loans in self.borrowed.items():
            for period, usd in loans.items():
                sums[account_of(document), period] += usd
        return {account: usd for (account, _), usd in sorted(sums.items()) if usd}

    @property
    def users_off(self) -> Mapping[str, int]:
        """By user, how many more open jobs are counted than are open."""
        counted = Counter(self.open_jobs)
        counted.subtract(job.user_id for job in self.jobs)
        return {user: jobs for user, jobs in sorted(counted.items()) if jobs}
