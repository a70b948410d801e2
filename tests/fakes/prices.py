"""The observed prices in memory: real preconditions, trouble on request."""

from shared.domain.errors import LostRace, ReelayError
from shared.domain.observed_prices import ObservedPrices
from shared.ports.store import Versioned


class FakePrices:
    """Each error in `read_failures` and `failures` is raised by one next call."""

    def __init__(self) -> None:
        self.observed = ObservedPrices()
        self.read_failures: list[ReelayError] = []
        self.failures: list[ReelayError] = []
        self._commits = 0

    def read(self) -> Versioned[ObservedPrices]:
        if self.read_failures:
            raise self.read_failures.pop(0)
        return Versioned(value=self.observed, token=self._commits or None)

    def commit(self, before: Versioned[ObservedPrices], after: ObservedPrices) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if before.token != (self._commits or None):
            raise LostRace("somebody was faster")
        self._commits += 1
        self.observed = after
