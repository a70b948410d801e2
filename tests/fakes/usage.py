"""Usage and spend as booked by the store of jobs in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.ledger import Account
from shared.domain.usage import UsageMonth
from tests.fakes.jobs import FakeJobs


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeUsage:
    jobs: FakeJobs

    def usage(self, accounts: Sequence[str]) -> Mapping[str, UsageMonth]:
        return {name: self.jobs.usage.get(name, UsageMonth()) for name in accounts}

    def spend(self, accounts: Sequence[str]) -> Mapping[str, Account]:
        return {name: self.jobs.accounts.get(name, Account()) for name in accounts}
