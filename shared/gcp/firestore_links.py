"""What the worker found not configured, in Firestore: the document `control/links`."""

from collections.abc import Mapping
from typing import Any

from google.cloud import firestore

from shared.domain.catalogue import Link
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, reading


class FirestoreLinks:
    """The port `LinkReports` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def read(self) -> frozenset[Link]:
        with reading():
            found = self._document().get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        return _links(found.to_dict() or {})

    def write(self, not_configured: frozenset[Link]) -> None:
        # Whoever writes last is right: each worker of one revision says the same.
        content = {"not_configured": sorted(link.value for link in not_configured)}
        with reading():
            self._document().set(content, retry=RETRY, timeout=TIMEOUT_SECONDS)

    def _document(self) -> Any:
        return self._client.collection("control").document("links")


def _links(record: Mapping[str, Any]) -> frozenset[Link]:
    """Names that this version doesn't know are another's links."""
    known = {link.value for link in Link}
    return frozenset(
        Link(name) for name in record.get("not_configured", ()) if name in known
    )
