"""Circuits in Firestore: `circuits/{key}`, there once it opened for the first time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore

from shared.domain.circuit import Circuit, Opening
from shared.domain.errors import ErrorCode
from shared.gcp.firestore_calls import RETRY, committing, reading
from shared.ports.store import Versioned

# A start waits for this: rather let it through than keep it waiting.
TIMEOUT_SECONDS = 5.0
_RETRY = RETRY.with_timeout(TIMEOUT_SECONDS)


class FirestoreCircuits:
    """The port `Circuits` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def read(self, keys: Sequence[str]) -> Sequence[Versioned[Circuit]]:
        documents = [self._document(key) for key in keys]
        with reading():
            found = list(
                self._client.get_all(documents, retry=_RETRY, timeout=TIMEOUT_SECONDS)
            )
        by_key = {document.id: document for document in found}
        return [_snapshot(by_key[key]) for key in keys]

    def commit(self, changes: Sequence[tuple[Versioned[Circuit], Circuit]]) -> None:
        batch = self._client.batch()
        for before, after in changes:
            document = self._document(after.key)
            if before.token is None:
                batch.create(document, _record(after))
                continue
            unchanged = self._client.write_option(last_update_time=before.token)
            batch.update(document, _record(after), option=unchanged)
        with committing():
            batch.commit(retry=_RETRY, timeout=TIMEOUT_SECONDS)

    def _document(self, key: str) -> Any:
        return self._client.collection("circuits").document(key)


def _snapshot(document: "firestore.DocumentSnapshot[Any]") -> Versioned[Circuit]:
    record = document.to_dict()
    key = document.reference.id
    if record is None:
        return Versioned(value=Circuit(key=key), token=None)
    return Versioned(value=_circuit(key, record), token=document.update_time)


def _record(circuit: Circuit) -> dict[str, Any]:
    opening = circuit.opening
    return {
        "reason": opening.reason.value if opening else None,
        "since": opening.since if opening else None,
        "open_until": opening.until if opening else None,
        "times": opening.times if opening else 0,
        "trial_until": circuit.trial_until,
    }


def _circuit(key: str, record: Mapping[str, Any]) -> Circuit:
    """What a document holds; closed where that can't be read: it saves, not guards."""
    try:
        return Circuit(
            key=key,
            opening=_opening(record),
            trial_until=_plain(record.get("trial_until")),
        )
    except (KeyError, TypeError, ValueError):
        return Circuit(key=key)


def _opening(record: Mapping[str, Any]) -> Opening | None:
    since, until = _plain(record["since"]), _plain(record["open_until"])
    if since is None or until is None:
        return None
    reason = ErrorCode(record["reason"])
    return Opening(reason=reason, since=since, until=until, times=int(record["times"]))


def _plain(value: object) -> datetime | None:
    """Firestore's own kind of datetime as a plain one, equal by value alone."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise TypeError("not a time")
    moment = value.astimezone(UTC)
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)
