"""The worker's report of its providers, in memory."""

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ReelayError


class FakeProviderReports:
    """The next calls raise `failures`, one each, in order; `writes` are counted."""

    def __init__(self, *not_configured: ProviderId) -> None:
        self.failures: list[ReelayError] = []
        self.writes = 0
        self._kept = frozenset(not_configured)

    def read(self) -> frozenset[ProviderId]:
        if self.failures:
            raise self.failures.pop(0)
        return self._kept

    def write(self, not_configured: frozenset[ProviderId]) -> None:
        self.writes += 1
        self._kept = not_configured
