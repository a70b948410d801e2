"""Our bucket in memory, held to the same contract as the real one."""

import base64
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import google_crc32c

from shared.domain.errors import BadContent, LostRace, ReelayError, Unreachable
from shared.ports.storage import SignedUpload, StoredObject


class FakeBucket:
    """`objects` and `content_types` by name, to be read and filled by tests.

    Each error in `failures` is raised by one of the next calls, in their order.
    """

    def __init__(self, bucket_name: str = "bucket") -> None:
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.failures: list[ReelayError] = []
        self._prefix = f"gs://{bucket_name}/"

    def uri(self, name: str) -> str:
        return self._prefix + name

    def name(self, gs_uri: str) -> str:
        name = gs_uri.removeprefix(self._prefix)
        if name in ("", gs_uri):
            raise BadContent("an object that is not of our bucket")
        return name

    def find(self, name: str) -> StoredObject | None:
        self._fail()
        return self._stored(name) if name in self.objects else None

    def list(self, prefix: str) -> Sequence[StoredObject]:
        self._fail()
        return [self._stored(n) for n in sorted(self.objects) if n.startswith(prefix)]

    def read(self, name: str, *, most_bytes: int) -> bytes | None:
        self._fail()
        content = self.objects.get(name)
        if content is not None and len(content) > most_bytes:
            raise BadContent(f"{len(content)} bytes are more than {most_bytes}")
        return content

    def write(
        self, name: str, chunks: Iterator[bytes], *, content_type: str
    ) -> StoredObject:
        self._fail()
        self.objects[name] = b"".join(chunks)
        self.content_types[name] = content_type
        return self._stored(name)

    def open(self, name: str) -> BinaryIO:
        self._fail()
        if name not in self.objects:
            raise Unreachable("no such object")
        return io.BytesIO(self.objects[name])

    def copy_new(self, source: str, target: str) -> StoredObject:
        self._fail()
        if source not in self.objects:
            raise Unreachable("no such object")
        if target in self.objects:
            raise LostRace("the target exists")
        self.objects[target] = self.objects[source]
        self.content_types[target] = self.content_types.get(source, "")
        return self._stored(target)

    def delete(self, name: str) -> None:
        self._fail()
        self.objects.pop(name, None)
        self.content_types.pop(name, None)

    def sign_download(self, name: str, *, lifetime: timedelta) -> str:
        self._fail()
        return self._address(name, lifetime)

    def sign_upload(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> SignedUpload:
        self._fail()
        headers = {
            "content-type": content_type,
            "x-goog-content-length-range": f"{size_bytes},{size_bytes}",
            "x-goog-if-generation-match": "0",
        }
        return SignedUpload(
            url=self._address(name, lifetime),
            headers=headers,
            expires_at=datetime.now(UTC) + lifetime,
        )

    def _address(self, name: str, lifetime: timedelta) -> str:
        seconds = int(lifetime.total_seconds())
        return f"https://storage.example/{name}?X-Goog-Expires={seconds}"

    def _stored(self, name: str) -> StoredObject:
        content = self.objects[name]
        digest = google_crc32c.value(content).to_bytes(4, "big")
        checksum = base64.b64encode(digest).decode()
        return StoredObject(name=name, size_bytes=len(content), crc32c=checksum)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
