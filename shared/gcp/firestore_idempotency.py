"""Idempotency records in Firestore: `idempotency/{name}`."""

from dataclasses import asdict
from typing import Any

from google.cloud import firestore

from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, committing, reading
from shared.ports.store import IdempotencyRecord, Versioned


class FirestoreIdempotency:
    """The port `IdempotencyStore` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def get(self, name: str) -> Versioned[IdempotencyRecord] | None:
        with reading():
            found = self._document(name).get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        record = found.to_dict()
        if record is None:
            return None
        return Versioned(value=IdempotencyRecord(**record), token=found.update_time)

    def mark_consumed(self, seen: Versioned[IdempotencyRecord]) -> None:
        batch = self._client.batch()
        unchanged = self._client.write_option(last_update_time=seen.token)
        document = self._document(seen.value.name)
        batch.update(document, {"created_by_retry": False}, option=unchanged)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def add(
        self,
        batch: Any,
        record: IdempotencyRecord,
        over: Versioned[IdempotencyRecord] | None,
    ) -> None:
        """A new record, or one that replaces `over`, in the batch of its job."""
        document = self._document(record.name)
        if over is None:
            batch.create(document, asdict(record))
            return
        unchanged = self._client.write_option(last_update_time=over.token)
        batch.update(document, asdict(record), option=unchanged)

    def _document(self, name: str) -> Any:
        return self._client.collection("idempotency").document(name)
