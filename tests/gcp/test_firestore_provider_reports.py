"""The worker's report of its links, in Firestore."""

from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_provider_reports import FirestoreProviderReports


def test_nothing_reported_is_nothing_missing(
    database: Database,
) -> None:
    assert FirestoreProviderReports(database).read() == frozenset()


def test_what_was_reported_last_is_read(database: Database) -> None:
    providers = FirestoreProviderReports(database)

    providers.write(frozenset({ProviderId.RUNWAY, ProviderId.OMNI}))
    providers.write(frozenset({ProviderId.OMNI}))

    assert providers.read() == {ProviderId.OMNI}


def test_a_provider_of_another_version_is_left_out(
    firestore_client: firestore.Client,
    database: Database,
) -> None:
    document = firestore_client.document("control/providers")
    document.set({"not_configured": ["sora", "runway"]})

    assert FirestoreProviderReports(database).read() == {ProviderId.RUNWAY}
