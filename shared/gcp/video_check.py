"""What a video really is: its boxes, its packets and its first frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from shared.domain.errors import BadContent
from shared.ports.storage import VideoFacts

_SHORTEST_SECONDS: Final = 0.5
_MOST_BOXES: Final = 10_000
_HEADER_BYTES: Final = 8
_LARGE_HEADER_BYTES: Final = 16
_FIRST_BOX: Final = b"ftyp"
_NEEDED_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat"})

# FFmpeg's own errors, and what PyAV makes of impossible values.
_BROKEN: Final = (av.FFmpegError, ValueError, OverflowError, MemoryError)


class PyAvCheck:
    """Reads every box and every packet of an MP4, and decodes its first frame."""

    def inspect(self, file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        _check_boxes(file, size_bytes)
        file.seek(0)
        with _translated(), _opened(file) as container:
            return _facts(container)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise BadContent(f"no playable MP4: {type(error).__name__}") from error


def _opened(file: BinaryIO) -> InputContainer:
    # Without edit lists, which hide packets that the sample table counts.
    return av.open(file, mode="r", format="mp4", options={"ignore_editlist": "1"})


def _check_boxes(file: BinaryIO, size_bytes: int) -> None:
    """The boxes at the top tile the file; ISO/IEC 14496-12, 4.2."""
    found: set[bytes] = set()
    start = 0
    for _ in range(_MOST_BOXES):
        if start == size_bytes:
            break
        kind, length = _box(file, start, size_bytes)
        if start == 0 and kind != _FIRST_BOX:
            raise BadContent("no MP4: it does not begin like one")
        found.add(kind)
        start += length
    _check_end(file, size_bytes)
    if start != size_bytes or not found >= _NEEDED_BOXES:
        raise BadContent("no whole MP4: a box is missing")


def _box(file: BinaryIO, start: int, size_bytes: int) -> tuple[bytes, int]:
    """Its type and its length in bytes, which ends within the file."""
    file.seek(start)
    header = file.read(_LARGE_HEADER_BYTES)
    length, kind = int.from_bytes(header[:4]), header[4:8]
    least = _HEADER_BYTES
    if length == 1:
        length, least = int.from_bytes(header[8:16]), _LARGE_HEADER_BYTES
    elif length == 0:
        length = size_bytes - start
    if len(header) < least or length < least or start + length > size_bytes:
        raise BadContent("no whole MP4: a box is cut short")
    return kind, length


def _check_end(file: BinaryIO, size_bytes: int) -> None:
    file.seek(max(0, size_bytes - 1))
    if len(file.read(2)) != 1:
        raise BadContent("no whole MP4: its size is another")


@dataclass(slots=True)
class _Seen:
    """What came of the one picture track and its packets."""

    packets: int = 0
    has_frame: bool = False


def _facts(container: InputContainer) -> VideoFacts:
    video = _video(container)
    _read_all(container, video)
    seconds = (container.duration or 0) / av.time_base
    if seconds <= _SHORTEST_SECONDS:
        raise BadContent(f"no playable MP4: {seconds} seconds long")
    return VideoFacts(
        duration_seconds=seconds,
        width=video.codec_context.width,
        height=video.codec_context.height,
        has_audio=bool(container.streams.audio),
    )


def _video(container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        context = stream.codec_context
        if context is not None and context.width > 0 and context.height > 0:
            # Frames come at once, not some packets later on another thread.
            context.thread_type = "NONE"
            return stream
    raise BadContent("no playable MP4: it has no picture track")


def _read_all(container: InputContainer, video: VideoStream) -> None:
    seen: dict[int, _Seen] = {each.index: _Seen() for each in container.streams}
    for packet in container.demux():
        _take(packet, seen[packet.stream_index], video)
    for stream in container.streams:
        _check_count(stream, seen[stream.index])
    if not seen[video.index].has_frame:
        raise BadContent("no playable MP4: no image can be decoded")


def _take(packet: "Packet[Stream]", seen: _Seen, video: VideoStream) -> None:
    if packet.is_corrupt:
        raise BadContent("no whole MP4: a packet is damaged")
    seen.packets += packet.size > 0
    if packet.stream_index == video.index and not seen.has_frame:
        # The empty packet at the end brings frames that were held back.
        seen.has_frame = bool(packet.decode())


def _check_count(stream: Stream, seen: _Seen) -> None:
    """A fragmented file has no such figure: it says 0."""
    if stream.frames and seen.packets != stream.frames:
        raise BadContent(f"no whole MP4: {seen.packets} packets, not {stream.frames}")
