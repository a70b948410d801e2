"""The worker's report of its links, in Firestore."""

from google.cloud import firestore

from shared.domain.catalogue import Link
from shared.gcp.firestore_links import FirestoreLinks


def test_nothing_reported_is_nothing_missing(
    firestore_client: firestore.Client,
) -> None:
    assert FirestoreLinks(firestore_client).read() == frozenset()


def test_what_was_reported_last_is_read(firestore_client: firestore.Client) -> None:
    links = FirestoreLinks(firestore_client)

    links.write(frozenset({Link.RUNWAY, Link.OMNI}))
    links.write(frozenset({Link.OMNI}))

    assert links.read() == {Link.OMNI}


def test_a_link_of_another_version_is_left_out(
    firestore_client: firestore.Client,
) -> None:
    document = firestore_client.document("control/links")
    document.set({"not_configured": ["sora", "runway"]})

    assert FirestoreLinks(firestore_client).read() == {Link.RUNWAY}
