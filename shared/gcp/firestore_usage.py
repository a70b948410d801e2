"""Usage and spend, read from Firestore; the ledger writes both."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain.ledger import Account
from shared.domain.usage import UsageMonth
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_ledger import read_account
from shared.gcp.usage_record import read_usage


class FirestoreUsage:
    """The port `UsageStore` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def usage(self, accounts: Sequence[str]) -> Mapping[str, UsageMonth]:
        found = self._documents("usage", accounts)
        return {name: read_usage(document) for name, document in found.items()}

    def spend(self, accounts: Sequence[str]) -> Mapping[str, Account]:
        found = self._documents("spend", accounts)
        return {name: read_account(document) for name, document in found.items()}

    def _documents(
        self, collection: str, names: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        wanted = [self._database.document(collection, name) for name in names]
        found = self._database.get_all(wanted)
        return {document.id: document.to_dict() or {} for document in found}
