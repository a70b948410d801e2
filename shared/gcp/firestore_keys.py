"""Stores API keys in Firestore: `api_keys/{SHA-256 of the secret}`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.api_key import ApiKey
from shared.domain.errors import Unreachable, Unreadable
from shared.domain.user_id import is_user_id
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_records import from_record, to_record

COLLECTION = "api_keys"


class FirestoreKeys:
    """The port `ApiKeys` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, sha256: str) -> ApiKey | None:
        found = self._database.get(self._reference(sha256))
        return _key(found) if found.exists else None

    def with_id(self, key_id: str) -> ApiKey | None:
        # A key's id is a prefix of its hash, and the hash is the document's name.
        first, behind = self._reference(key_id), self._reference(f"{key_id}~")
        query = (
            self._database.collection(COLLECTION)
            .where(filter=FieldFilter("__name__", ">=", first))
            .where(filter=FieldFilter("__name__", "<", behind))
            .limit(1)
        )
        found = self._database.query(query)
        return _key(found[0]) if found else None

    def add(self, key: ApiKey) -> None:
        batch = self._database.batch()
        batch.put(self._reference(key.sha256), to_record(key), None)
        batch.commit()

    def all(self) -> Sequence[ApiKey]:
        newest_first = self._database.collection(COLLECTION).order_by(
            "created_at", direction=firestore.Query.DESCENDING
        )
        return [_key(document) for document in self._database.query(newest_first)]

    def revoke(self, key: ApiKey, at: datetime) -> None:
        found = self._database.get(self._reference(key.sha256))
        kept = found.to_dict()
        if kept is None or kept.get("revoked_at") is not None:
            return
        batch = self._database.batch()
        batch.put(found.reference, {"revoked_at": at}, found.update_time)
        batch.commit()

    def _reference(self, sha256: str) -> Any:
        return self._database.document(COLLECTION, sha256)


def _key(document: Any) -> ApiKey:
    """Unreachable if the document is malformed: such a key must never be accepted."""
    try:
        key = from_record(ApiKey, document.to_dict() | {"sha256": document.id})
        if is_user_id(key.user_id):
            return key
        raise Unreadable("no user id")
    except Unreadable as error:
        key_id = document.id[:12]
        raise Unreachable(f"{COLLECTION}/{key_id}… is not an API key") from error
