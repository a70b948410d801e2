"""Stores idempotency records in Firestore: `idempotency/{name}`."""

from typing import Any

from shared.domain.structs import replace
from shared.gcp.firestore_calls import Batch, Database
from shared.gcp.firestore_records import from_record, to_record
from shared.ports.store import IdempotencyRecord, Versioned


class FirestoreIdempotency:
    """The port `IdempotencyStore` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> Versioned[IdempotencyRecord] | None:
        found = self._database.get(self._reference(name))
        if not found.exists:
            return None
        record = from_record(IdempotencyRecord, found.to_dict())
        return Versioned(value=record, token=found.update_time)

    def mark_consumed(self, seen: Versioned[IdempotencyRecord]) -> None:
        batch = self._database.batch()
        self.add(batch, replace(seen.value, created_by_retry=False), seen)
        batch.commit()

    def add(
        self,
        batch: Batch,
        record: IdempotencyRecord,
        over: Versioned[IdempotencyRecord] | None,
    ) -> None:
        """Adds a new record, or one that replaces `over`, to the batch."""
        token = over.token if over else None
        batch.put(self._reference(record.name), to_record(record), token)

    def _reference(self, name: str) -> Any:
        return self._database.document("idempotency", name)
