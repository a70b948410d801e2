"""An iterator as an upload, and an object as a file that is read by ranges."""

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import google_crc32c
from google.cloud.storage import Blob

from shared.domain.errors import Unreachable
from shared.gcp.storage_calls import limits, storage_errors

# google_crc32c is typed in part only.
_new_checksum: Callable[[], Any] = google_crc32c.Checksum


class UploadSource(io.RawIOBase):
    """An iterator as the file that the library reads; counts and checksums it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")
        self._given_bytes = 0
        self._checksum = _new_checksum()

    def tell(self) -> int:
        return self._given_bytes

    def read(self, size: int = -1, /) -> bytes:
        """`size` bytes; fewer only at the end, since a short part ends the upload."""
        # Its buffer becomes the part: each byte is copied once.
        gathered = io.BytesIO()
        while (left := size - gathered.tell()) > 0 and (self._held or self._next()):
            gathered.write(self._held[:left])
            self._held = self._held[left:]
        part = gathered.getvalue()
        self._given_bytes += len(part)
        self._checksum.update(part)
        return part

    def _next(self) -> bool:
        """Whether there is another chunk, even an empty one."""
        chunk = next(self._chunks, None)
        self._held = memoryview(chunk or b"")
        return chunk is not None

    def crc32c(self) -> str:
        return base64.b64encode(self._checksum.digest()).decode()


class ObjectRanges(io.RawIOBase):
    """One generation of an object, read by ranges."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._size_bytes = int(blob.size)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._size_bytes,
        }[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, target: Any, /) -> int:
        wanted = min(len(target), self._size_bytes - self._at)
        if wanted <= 0:
            return 0
        with storage_errors("read"):
            part = self._blob.download_as_bytes(
                start=self._at,
                end=self._at + wanted - 1,
                checksum=None,
                **limits(),
            )
        if len(part) != wanted:
            raise Unreachable("Cloud Storage: read: cut short")
        target[:wanted] = part
        self._at += wanted
        return wanted
