"""One HTTP exchange of the local Cloud Storage: request, streamed bodies, reply."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO
from urllib.parse import parse_qsl

from local.emulators.cloud_storage.errors import (
    ConnectionCutError,
    Refusal,
    StorageRefusedError,
)

PIECE_BYTES = 256 * 1024


class Body:
    """What the client sends, read in pieces and never held as a whole.

    `length` None means chunked. A connection that ends early, or a staged cut,
    raises ConnectionCutError.
    """

    def __init__(self, source: BinaryIO, length: int | None) -> None:
        self._source = source
        self.length = length
        self._left = length or 0
        self._is_chunked = length is None
        self._at_end = length == 0
        self._until_cut: int | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end; b"" after it."""
        parts = b""
        while len(parts) < size and not self._at_end:
            parts += self._read_part(size - len(parts))
        return parts

    def pieces(self, size: int = PIECE_BYTES) -> Iterator[bytes]:
        while piece := self.read(size):
            yield piece

    def drain(self) -> None:
        for _ in self.pieces():
            pass

    def cut_after(self, size: int) -> None:
        self._until_cut = size

    def _read_part(self, size: int) -> bytes:
        if self._is_chunked and self._left == 0 and not self._begin_chunk():
            return b""
        part = self._read_exactly(min(size, self._left))
        self._left -= len(part)
        if self._left == 0:
            self._end_chunk()
        return part

    def _begin_chunk(self) -> bool:
        try:
            self._left = int(self._source.readline(1024).split(b";")[0], 16)
        except ValueError as error:
            raise ConnectionCutError from error
        if self._left == 0:
            while self._source.readline(1024).strip():
                pass
            self._at_end = True
        return not self._at_end

    def _end_chunk(self) -> None:
        if self._is_chunked:
            self._source.readline(8)
        else:
            self._at_end = True

    def _read_exactly(self, size: int) -> bytes:
        if self._until_cut is not None:
            size = min(size, self._until_cut)
            self._until_cut -= size
        part = self._source.read(size)
        if not part or len(part) < size:
            raise ConnectionCutError
        return part


@dataclass(frozen=True, kw_only=True)
class Request:
    """`path` is still percent-encoded; header names are in lower case."""

    method: str
    path: str
    query_text: str
    headers: Mapping[str, str]
    body: Body

    @cached_property
    def query(self) -> Mapping[str, str]:
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @property
    def base_url(self) -> str:
        return f"http://{self.headers.get('host', '')}"

    def query_number(self, name: str) -> int | None:
        return number(self.query.get(name))

    def header_number(self, name: str) -> int | None:
        return number(self.headers.get(name))


def number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise StorageRefusedError(Refusal.INVALID, f"not a number: {text}")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSlice:
    """`length` bytes of an open file from `start`; the sender closes it."""

    file: BinaryIO
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`cut_after_bytes` ends the connection within the body (staged faults)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | FileSlice = b""
    cut_after_bytes: int | None = None

    @property
    def length(self) -> int:
        if isinstance(self.content, FileSlice):
            return self.content.length
        return len(self.content)

    def pieces(self) -> Iterator[bytes]:
        left = self.length if self.cut_after_bytes is None else self.cut_after_bytes
        if isinstance(self.content, bytes):
            yield self.content[:left]
            return
        self.content.file.seek(self.content.start)
        while left > 0 and (piece := self.content.file.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece

    def close(self) -> None:
        if isinstance(self.content, FileSlice):
            self.content.file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """A satisfiable range; `end` is exclusive."""

    start: int
    end: int


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """One range of `size` bytes; None is "the whole", as for several ranges."""
    first, dash, last = (header or "").removeprefix("bytes=").partition("-")
    is_single = (header or "").startswith("bytes=") and dash and "," not in last
    if not is_single or not (first + last).strip().isdigit():
        return None
    match (first.strip(), last.strip()):
        case ("", suffix):
            found = ByteRange(start=max(0, size - int(suffix)), end=size)
        case (start, ""):
            found = ByteRange(start=int(start), end=size)
        case (start, end):
            found = ByteRange(start=int(start), end=min(int(end) + 1, size))
    if found.start >= found.end:
        raise StorageRefusedError(Refusal.BAD_RANGE)
    return found


def read_all(body: Body, limit_bytes: int = 1024 * 1024) -> bytes:
    """For bodies that are small by nature, such as metadata."""
    content = body.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise StorageRefusedError(Refusal.TOO_LARGE)
    return content
