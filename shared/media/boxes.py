"""Checks an MP4's structure: its boxes fill the file, and its index has a bounded size.

ISO/IEC 14496-12, 4.2. This comes before decoding, because FFmpeg allocates as much as
an index claims.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from shared.domain.errors import BadContent

MAX_BOXES: Final = 10_000
MAX_INDEX_BYTES: Final = 10_000_000
# An hour at 24 frames a second; the longest video that a provider makes has 15 seconds.
MAX_SAMPLES: Final = 100_000
_HEADER_BYTES: Final = 8
_LARGE_HEADER_BYTES: Final = 16
_FIRST_BOX: Final = b"ftyp"
_NEEDED_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat"})
_INDEXES: Final = frozenset({b"moov", b"moof"})
_PARENTS: Final = frozenset(
    {b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"traf", b"edts"}
)
# The offset of the sample count in each of these boxes.
_COUNTS_AT: Final = {b"stsz": 8, b"stz2": 8, b"trun": 4}
# These hold a number of entries and then the entries, of at least so many bytes each.
_ENTRY_BYTES: Final = {
    b"stts": 8,
    b"ctts": 8,
    b"stsc": 12,
    b"stss": 4,
    b"stco": 4,
    b"co64": 8,
    b"elst": 12,
}


def check_boxes(file: BinaryIO, size_bytes: int) -> None:
    """BadContent if the boxes don't exactly fill the file, or an index is too large or
    lacks entries.
    """
    found: set[bytes] = set()
    start = 0
    for _ in range(MAX_BOXES):
        if start == size_bytes:
            break
        kind, length = _box(file, start, size_bytes)
        if start == 0 and kind != _FIRST_BOX:
            raise BadContent("not an MP4: its first box is not ftyp")
        if kind in _INDEXES:
            _check_index(file, start, length)
        found.add(kind)
        start += length
    if start != size_bytes or not found >= _NEEDED_BOXES:
        raise BadContent("not a complete MP4: a box is missing")


def _box(file: BinaryIO, start: int, end: int) -> tuple[bytes, int]:
    """The type and length in bytes of the box at `start`, which must end by `end`."""
    file.seek(start)
    header = file.read(_LARGE_HEADER_BYTES)
    length, kind = int.from_bytes(header[:4]), header[4:8]
    least = _HEADER_BYTES
    if length == 1:
        length, least = int.from_bytes(header[8:16]), _LARGE_HEADER_BYTES
    elif length == 0:
        length = end - start
    if len(header) < least or length < least or start + length > end:
        raise BadContent("not a complete MP4: a box is cut short")
    return kind, length


def _check_index(file: BinaryIO, start: int, length: int) -> None:
    if length > MAX_INDEX_BYTES:
        raise BadContent("not a playable MP4: its index is too large")
    file.seek(start)
    samples = sum(_sample_counts(file.read(length)[_HEADER_BYTES:]))
    if samples > MAX_SAMPLES:
        raise BadContent(f"not a playable MP4: it has {samples:,} samples")


def _sample_counts(content: bytes) -> Iterator[int]:
    """The counts that tables in `content` claim; stops at the first malformed box."""
    at = 0
    while at + _HEADER_BYTES <= len(content):
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if length < _HEADER_BYTES:
            return
        inside = content[at + _HEADER_BYTES : at + length]
        if kind in _PARENTS:
            yield from _sample_counts(inside)
        elif kind in _COUNTS_AT:
            count_at = _COUNTS_AT[kind]
            yield int.from_bytes(inside[count_at : count_at + 4])
        elif kind in _ENTRY_BYTES:
            _check_table(inside, _ENTRY_BYTES[kind])
        at += length


def _check_table(content: bytes, entry_bytes: int) -> None:
    """BadContent if it claims more entries than it holds: FFmpeg reads what follows as
    entries, and other players refuse the file.
    """
    count = int.from_bytes(content[4:8])
    if count * entry_bytes > len(content) - 8:
        raise BadContent("not a playable MP4: a table is cut short")
