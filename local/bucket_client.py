"""A client of the local Cloud Storage, which checks no credentials."""

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage


def storage_of(address: str) -> storage.Client:
    """`address`: http://HOST:PORT."""
    return storage.Client(
        project="local",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": address},
    )
