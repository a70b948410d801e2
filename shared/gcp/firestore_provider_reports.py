"""Which providers the worker found not configured: `control/providers`."""

from collections.abc import Mapping
from typing import Any

from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, reading


class FirestoreProviderReports:
    """The port `LinkReports` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def read(self) -> frozenset[ProviderId]:
        with reading():
            found = self._document().get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        return _providers(found.to_dict() or {})

    def write(self, not_configured: frozenset[ProviderId]) -> None:
        # Whoever writes last is right: each worker of one revision says the same.
        content = {
            "not_configured": sorted(
                provider_id.value for provider_id in not_configured
            )
        }
        with reading():
            self._document().set(content, retry=RETRY, timeout=TIMEOUT_SECONDS)

    def _document(self) -> Any:
        return self._client.collection("control").document("providers")


def _providers(record: Mapping[str, Any]) -> frozenset[ProviderId]:
    """Names that this version doesn't know are another's links."""
    known = {provider_id.value for provider_id in ProviderId}
    return frozenset(
        ProviderId(name) for name in record.get("not_configured", ()) if name in known
    )
