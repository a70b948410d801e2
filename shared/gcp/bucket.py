"""Stores images and videos in Cloud Storage, and signs URLs.

Every call has a time limit, and can safely be repeated.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Final

from google.api_core.exceptions import NotFound
from google.auth.credentials import Signing
from google.cloud.storage import Blob, Client

from shared.domain.errors import BadContent, LostRace, Unreachable
from shared.gcp.object_streams import ObjectRanges, StreamedUpload, checksum
from shared.gcp.storage_calls import limits, storage_errors
from shared.ports.storage import SignedUpload, StoredObject

# The library's own threshold: up to this size, content and metadata go in one request.
_ONE_REQUEST_BYTES: Final = 8 * 1024 * 1024
_READ_AHEAD_BYTES: Final = 1024 * 1024


class CloudBucket:
    """The port `Bucket`. `signer` is a service account's key, or a `FunctionSigner`.

    Signed URLs point to the endpoint that `client` uses.
    """

    def __init__(self, *, client: Client, bucket_name: str, signer: Signing) -> None:
        self._client = client
        # With it, the library would request the bucket's metadata, in threads of its
        # own, for traces that aren't made. No function has permission to read it.
        client._bucket_metadata_cache = None
        self._bucket = client.bucket(bucket_name)
        self._signer = signer
        self._prefix = f"gs://{bucket_name}/"

    def uri(self, name: str) -> str:
        return self._prefix + name

    def name(self, gs_uri: str) -> str:
        name = gs_uri.removeprefix(self._prefix)
        if name in ("", gs_uri):
            raise BadContent("an object that is not in our bucket")
        return name

    def find(self, name: str) -> StoredObject | None:
        blob = self._get(name)
        return None if blob is None else _stored_object(blob)

    def list(self, prefix: str) -> Sequence[StoredObject]:
        with storage_errors("list"):
            blobs = self._client.list_blobs(self._bucket, prefix=prefix, **limits())
            return [_stored_object(blob) for blob in blobs]

    def read(self, name: str, *, max_bytes: int) -> bytes | None:
        blob = self._get(name)
        if blob is None:
            return None
        if blob.size > max_bytes:
            raise BadContent(f"{blob.size} bytes are more than {max_bytes}")
        with storage_errors("read"):
            # An upload may declare any Content-Encoding, and the library would unpack
            # it without a limit.
            content: bytes = blob.download_as_bytes(
                raw_download=True, checksum="crc32c", **limits()
            )
            return content

    def write(self, name: str, content: BinaryIO, *, content_type: str) -> StoredObject:
        """Also Unreachable if the stored bytes differ; that object is deleted."""
        size_bytes = content.seek(0, io.SEEK_END)
        send = self._send if size_bytes <= _ONE_REQUEST_BYTES else self._stream
        with storage_errors("write"):
            stored = send(name, content, content_type)
        if (stored.size_bytes, stored.crc32c) != (size_bytes, checksum(content)):
            # LostRace: someone else has overwritten it since.
            with suppress(LostRace), storage_errors("delete"):
                self._bucket.blob(name).delete(
                    if_generation_match=stored.generation, **limits()
                )
            raise Unreachable("Cloud Storage: something else was stored than was sent")
        return stored

    def _send(self, name: str, content: BinaryIO, content_type: str) -> StoredObject:
        blob = self._bucket.blob(name)
        blob.upload_from_file(
            content,
            rewind=True,
            size=content.tell(),
            content_type=content_type,
            checksum=None,
            **limits(),
        )
        return _stored_object(blob)

    def _stream(self, name: str, content: BinaryIO, content_type: str) -> StoredObject:
        """Avoids the library's ways: many small requests, or all content in memory."""
        url = self._bucket.blob(name).create_resumable_upload_session(
            content_type=content_type, size=content.tell(), checksum=None, **limits()
        )
        upload = StreamedUpload(self._client._http, url, content)
        found = limits()["retry"](upload)()
        return StoredObject(
            name=name,
            generation=int(found["generation"]),
            size_bytes=int(found["size"]),
            crc32c=found["crc32c"],
        )

    def open(self, stored: StoredObject) -> BinaryIO:
        blob = self._get(stored.name, stored.generation)
        if blob is None:
            raise Unreachable("Cloud Storage: open: no such object")
        return io.BufferedReader(ObjectRanges(blob), _READ_AHEAD_BYTES)

    def copy_new(self, source: StoredObject, target: str) -> StoredObject:
        """Also LostRace if this very copy succeeded but its answer got lost."""
        blob = self._bucket.blob(target)
        original = self._bucket.blob(source.name, generation=source.generation)
        token = None
        with storage_errors("copy"):
            while True:
                token, _, _ = blob.rewrite(
                    original, token=token, if_generation_match=0, **limits()
                )
                if token is None:
                    return _stored_object(blob)

    def delete(self, name: str) -> None:
        with storage_errors("delete"), suppress(NotFound):
            self._bucket.blob(name).delete(**limits())

    def sign_download(
        self, name: str, *, lifetime: timedelta, disposition: str | None = None
    ) -> str:
        return self._sign(
            name, method="GET", expiration=lifetime, response_disposition=disposition
        )

    def sign_upload(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> SignedUpload:
        """The URL can only create an object, of exactly this size and type."""
        headers = {
            "content-type": content_type,
            "x-goog-content-length-range": f"{size_bytes},{size_bytes}",
            "x-goog-if-generation-match": "0",
        }
        # The library signs with its own clock, truncated to seconds.
        signed_at = datetime.now(UTC).replace(microsecond=0)
        url = self._sign(name, method="PUT", expiration=lifetime, headers=dict(headers))
        return SignedUpload(url=url, headers=headers, expires_at=signed_at + lifetime)

    def _get(self, name: str, generation: int | None = None) -> Blob | None:
        with storage_errors("find"):
            return self._bucket.get_blob(name, generation=generation, **limits())

    def _sign(self, name: str, **options: Any) -> str:
        with storage_errors("sign"):
            url: str = self._bucket.blob(name).generate_signed_url(
                version="v4",
                credentials=self._signer,
                **options,
            )
            return url


def _stored_object(blob: Blob) -> StoredObject:
    return StoredObject(
        name=blob.name,
        generation=int(blob.generation),
        size_bytes=int(blob.size),
        crc32c=blob.crc32c,
    )
