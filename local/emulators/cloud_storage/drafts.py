"""Bytes on their way in: a file that grows, with its checksums kept up to date."""

import base64
import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

import google_crc32c

from local.emulators.cloud_storage.records import Checksums


class Draft:
    """Not an object yet. Leaving the `with` block discards what was not committed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._file = path.open("xb")
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = google_crc32c.Checksum()  # type: ignore[no-untyped-call]  # ships none

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._md5.update(chunk)
        self._crc32c.update(chunk)  # type: ignore[no-untyped-call]  # ships none
        self.size_bytes += len(chunk)

    def seal(self) -> Checksums:
        """Nothing is written after this."""
        self._file.close()
        crc32c = self._crc32c.digest()  # type: ignore[no-untyped-call]  # ships none
        return Checksums(
            crc32c=base64.b64encode(crc32c).decode(),
            md5=base64.b64encode(self._md5.digest()).decode(),
        )

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()
