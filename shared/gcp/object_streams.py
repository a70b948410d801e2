"""Streams a file into a resumable upload, and reads an object as a file, by ranges."""

import base64
import io
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, BinaryIO, Final

import google_crc32c
from google.api_core.exceptions import from_http_response
from google.cloud.storage import Blob
from requests import Response, Session

from shared.domain.errors import Unreachable
from shared.gcp.storage_calls import TIMEOUT_SECONDS, limits, storage_errors

PIECE_BYTES: Final = 256 * 1024
# The fields that identify an object and its content.
_OBJECT: Final = frozenset({"generation", "size", "crc32c"})
_STORED_RANGE: Final = re.compile(r"bytes=0-(\d{1,15})")

# google_crc32c is only partly typed.
_new_checksum: Callable[[], Any] = google_crc32c.Checksum


class StreamedUpload:
    """Uploads a file in one PUT, with only a small piece of it in memory at a time.

    `url`: of a resumable session. Called again after a failure, it sends the rest:
    https://cloud.google.com/storage/docs/performing-resumable-uploads
    """

    def __init__(self, session: Session, url: str, file: BinaryIO) -> None:
        self._session, self._url, self._file = session, url, file
        self._size_bytes = file.seek(0, io.SEEK_END)
        self._is_begun = False

    def __call__(self) -> Mapping[str, Any]:
        """The object's metadata. The library's retry policy knows what it raises."""
        start = 0
        if self._is_begun:
            kept = self._put("bytes */{}", b"")
            if kept.status_code != HTTPStatus.PERMANENT_REDIRECT:
                return _metadata(kept)
            # Without this header, the bucket has received nothing.
            last = _STORED_RANGE.fullmatch(kept.headers.get("Range", ""))
            start = int(last[1]) + 1 if last else 0
            if start >= self._size_bytes:
                raise ConnectionError("Cloud Storage has all bytes, but no object yet")
        self._is_begun = True
        rest = FileRest(self._file, start, self._size_bytes)
        return _metadata(self._put(f"bytes {start}-{self._size_bytes - 1}/{{}}", rest))

    def _put(self, content_range: str, body: "bytes | FileRest") -> Response:
        headers = {"Content-Range": content_range.format(self._size_bytes)}
        # requests accepts any iterable with a length; its types are narrower.
        data: Any = body
        return self._session.put(
            self._url,
            data=data,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,  # 308 means that only a part was received
        )


class FileRest:
    """A file from `start` on, as the body of a request; it can be sent repeatedly."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._start, self._end = file, start, end

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._start)
        yield from pieces(self._file)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.read, PIECE_BYTES), b"")


def checksum(file: BinaryIO) -> str:
    """CRC-32C of the whole file, as Cloud Storage writes it; leaves it at its end."""
    found = _new_checksum()
    file.seek(0)
    for piece in pieces(file):
        found.update(piece)
    return base64.b64encode(found.digest()).decode()


def _metadata(answer: Response) -> Mapping[str, Any]:
    if answer.status_code == HTTPStatus.PERMANENT_REDIRECT:
        raise ConnectionError("Cloud Storage received only a part")
    if not answer.ok:
        raise from_http_response(answer)
    metadata: Mapping[str, Any] = answer.json()
    if not metadata.keys() >= _OBJECT:
        raise ConnectionError("Cloud Storage did not describe the object")
    return metadata


class ObjectRanges(io.RawIOBase):
    """One generation of an object, as a file that is read by ranges."""

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
                raw_download=True,
                checksum=None,
                **limits(),
            )
        if len(part) != wanted:
            raise Unreachable("Cloud Storage: read: cut short")
        target[:wanted] = part
        self._at += wanted
        return wanted
