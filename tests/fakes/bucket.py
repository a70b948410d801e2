"""A bucket in memory, held to the same contract tests as the real one."""

import base64
import io
import itertools
from collections import UserDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from urllib.parse import quote

import google_crc32c

from shared.domain.errors import BadContent, LostRace, ReelayError, Unreachable
from shared.ports.storage import SignedUpload, StoredObject


class _Objects(UserDict[str, bytes]):
    """Each write gets its own generation."""

    def __init__(self) -> None:
        super().__init__()
        self.generations: dict[str, int] = {}
        self._count = itertools.count(1)

    def __setitem__(self, name: str, content: bytes) -> None:
        super().__setitem__(name, content)
        self.generations[name] = next(self._count)


class FakeBucket:
    """Tests read and fill `objects` and `content_types`, by name.

    The next calls raise the errors in `failures`, one each, in order.
    """

    def __init__(self, bucket_name: str = "bucket") -> None:
        self.objects = _Objects()
        self.content_types: dict[str, str] = {}
        self.failures: list[ReelayError] = []
        self._prefix = f"gs://{bucket_name}/"

    def uri(self, name: str) -> str:
        return self._prefix + name

    def name(self, gs_uri: str) -> str:
        name = gs_uri.removeprefix(self._prefix)
        if name in ("", gs_uri):
            raise BadContent("an object that is not in our bucket")
        return name

    def find(self, name: str) -> StoredObject | None:
        self._fail()
        return self._stored(name) if name in self.objects else None

    def list(self, prefix: str) -> Sequence[StoredObject]:
        self._fail()
        return [self._stored(n) for n in sorted(self.objects) if n.startswith(prefix)]

    def read(self, name: str, *, max_bytes: int) -> bytes | None:
        self._fail()
        content = self.objects.get(name)
        if content is not None and len(content) > max_bytes:
            raise BadContent(f"{len(content)} bytes are more than {max_bytes}")
        return content

    def write(self, name: str, content: BinaryIO, *, content_type: str) -> StoredObject:
        self._fail()
        content.seek(0)
        self.objects[name] = content.read()
        self.content_types[name] = content_type
        return self._stored(name)

    def open(self, stored: StoredObject) -> BinaryIO:
        self._fail()
        return io.BytesIO(self._content(stored))

    def copy_new(self, source: StoredObject, target: str) -> StoredObject:
        self._fail()
        content = self._content(source)
        if target in self.objects:
            raise LostRace("the target exists")
        self.objects[target] = content
        self.content_types[target] = self.content_types.get(source.name, "")
        return self._stored(target)

    def delete(self, name: str) -> None:
        self._fail()
        self.objects.pop(name, None)
        self.content_types.pop(name, None)

    def sign_download(
        self, name: str, *, lifetime: timedelta, disposition: str | None = None
    ) -> str:
        self._fail()
        asked = f"&response-content-disposition={quote(disposition or '')}"
        return self._address(name, lifetime) + (asked if disposition else "")

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

    def _content(self, stored: StoredObject) -> bytes:
        content = self.objects.get(stored.name)
        if content is None or self._stored(stored.name) != stored:
            raise Unreachable("no such generation")
        return content

    def _stored(self, name: str) -> StoredObject:
        content = self.objects[name]
        digest = google_crc32c.value(content).to_bytes(4, "big")
        checksum = base64.b64encode(digest).decode()
        return StoredObject(
            name=name,
            generation=self.objects.generations[name],
            size_bytes=len(content),
            crc32c=checksum,
        )

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
