"""Knows how Veo reads images from and writes videos to Cloud Storage."""

from typing import Protocol

from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage


class ObjectMissingError(LookupError):
    """No such object, or no such bucket."""


class ObjectStore(Protocol):
    """Objects by their gs:// address."""

    def read(self, uri: str) -> bytes: ...

    def write(self, uri: str, content: bytes, content_type: str) -> None: ...


class CloudStore:
    """Through the real client library, against the server at `address`."""

    def __init__(self, address: str) -> None:
        self._client = storage.Client(
            project="simulators",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": address},
        )

    def read(self, uri: str) -> bytes:
        try:
            content: bytes = self._blob(uri).download_as_bytes()
        except NotFound as error:
            raise ObjectMissingError(uri) from error
        return content

    def write(self, uri: str, content: bytes, content_type: str) -> None:
        self._blob(uri).upload_from_string(content, content_type=content_type)

    def _blob(self, uri: str) -> storage.Blob:
        return storage.Blob.from_uri(uri, client=self._client)


class NoStore:
    """For who has no Cloud Storage: every gs:// address is missing."""

    def read(self, uri: str) -> bytes:
        raise ObjectMissingError(uri)

    def write(self, uri: str, content: bytes, content_type: str) -> None:
        raise ObjectMissingError(uri)
