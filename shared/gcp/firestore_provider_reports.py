"""Stores which providers the worker found not configured: `control/providers`."""

from shared.domain.catalogue import ProviderId
from shared.gcp.firestore_calls import Database


class FirestoreProviderReports:
    """The port `ProviderReports` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reference = database.document("control", "providers")

    def read(self) -> frozenset[ProviderId]:
        """Ignores names that this release doesn't know."""
        record = self._database.get(self._reference).to_dict() or {}
        named = set(record.get("not_configured", ()))
        return frozenset(provider for provider in ProviderId if provider.value in named)

    def write(self, not_configured: frozenset[ProviderId]) -> None:
        # No precondition: all workers of a revision report the same.
        names = sorted(provider.value for provider in not_configured)
        self._database.overwrite(self._reference, {"not_configured": names})
