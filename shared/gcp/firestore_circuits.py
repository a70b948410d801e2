"""Stores circuits in Firestore: `circuits/{key}`, which exists once it has opened."""

from collections.abc import Sequence
from typing import Any

from shared.domain.circuit import Circuit
from shared.domain.errors import Unreadable
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_records import from_record, to_record
from shared.ports.store import Versioned

# A start waits for these calls, and letting it through is better than delaying it.
LIMITS = CallLimits(read_try=2.0, total=5.0)


class FirestoreCircuits:
    """The port `Circuits` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, keys: Sequence[str]) -> Sequence[Versioned[Circuit]]:
        found = self._database.get_all(self._reference(key) for key in keys)
        return [_versioned(document) for document in found]

    def commit(self, changes: Sequence[tuple[Versioned[Circuit], Circuit]]) -> None:
        batch = self._database.batch()
        for before, after in changes:
            reference = self._reference(after.key)
            batch.put(reference, to_record(after), before.token)
        batch.commit()

    def _reference(self, key: str) -> Any:
        return self._database.document("circuits", key)


def _versioned(document: Any) -> Versioned[Circuit]:
    key = document.id
    try:
        circuit = from_record(Circuit, (document.to_dict() or {}) | {"key": key})
    except Unreadable:
        # Missing or malformed. Circuits save time and guard no money: closed is safe.
        circuit = Circuit(key=key)
    return Versioned(value=circuit, token=document.update_time)
