"""API keys in Firestore: `api_keys/{SHA-256 of the secret}`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore

from shared.domain.api_key import ApiKey
from shared.domain.errors import Unreachable
from shared.domain.user_id import is_user_id
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, committing, reading

COLLECTION = "api_keys"


class FirestoreKeys:
    """The port `ApiKeys` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client) -> None:
        self._keys = client.collection(COLLECTION)
        self._client = client

    def find(self, sha256: str) -> ApiKey | None:
        found = self._read(sha256)
        return _key(found) if found.exists else None

    def add(self, key: ApiKey) -> None:
        with committing():
            self._keys.document(key.sha256).create(
                _record(key), retry=RETRY, timeout=TIMEOUT_SECONDS
            )

    def all(self) -> Sequence[ApiKey]:
        newest_first = self._keys.order_by(
            "created_at", direction=firestore.Query.DESCENDING
        )
        with reading():
            found = list(newest_first.stream(retry=RETRY, timeout=TIMEOUT_SECONDS))
        return [_key(document) for document in found]

    def revoke(self, key: ApiKey, at: datetime) -> None:
        found = self._read(key.sha256)
        if not found.exists or found.get("revoked_at") is not None:
            return
        unchanged = self._client.write_option(last_update_time=found.update_time)
        with committing():
            found.reference.update(
                {"revoked_at": at},
                option=unchanged,
                retry=RETRY,
                timeout=TIMEOUT_SECONDS,
            )

    def _read(self, sha256: str) -> Any:
        with reading():
            return self._keys.document(sha256).get(retry=RETRY, timeout=TIMEOUT_SECONDS)


def _record(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "user_id": key.user_id,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _key(document: Any) -> ApiKey:
    """Unreachable where it is not what we wrote: it opens nothing."""
    record = document.to_dict()
    try:
        revoked_at = record["revoked_at"]
        return ApiKey(
            sha256=document.id,
            name=record["name"],
            user_id=_user_id(record["user_id"]),
            created_at=_plain(record["created_at"]),
            revoked_at=None if revoked_at is None else _plain(revoked_at),
        )
    except (KeyError, TypeError, AttributeError) as error:
        key_id = document.id[:12]
        raise Unreachable(f"{COLLECTION}/{key_id}… holds what is not ours") from error


def _user_id(value: Any) -> str:
    if not is_user_id(value):
        raise TypeError("no user id")
    return str(value)


def _plain(value: datetime) -> datetime:
    """Firestore's own kind of datetime as a plain one, equal by value alone."""
    moment = value.astimezone(UTC)
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)
