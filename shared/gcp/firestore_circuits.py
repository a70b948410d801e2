"""Circuits in Firestore: `circuits/{key}`, written once one opened."""

from collections.abc import Sequence
from typing import Any

from shared.domain.circuit import Circuit
from shared.domain.errors import Unreadable
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_records import from_record, to_record
from shared.ports.store import Versioned

# A start waits for these calls: it is better let through than kept waiting.
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
    record, key = document.to_dict(), document.id
    if record is None:
        return Versioned(value=Circuit(key=key), token=None)
    try:
        circuit = from_record(Circuit, record | {"key": key})
    except Unreadable:
        # A circuit saves time and guards no money: closed is the safe guess.
        circuit = Circuit(key=key)
    return Versioned(value=circuit, token=document.update_time)
