"""What a video really is: its boxes, and every frame of it.

Runs in the child process alone: what a hostile file does to FFmpeg ends with the child.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, BinaryIO, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream
from msgspec import Struct, field

from shared.domain.errors import BadContent
from shared.media.boxes import check_boxes
from shared.media.poster import poster_of
from shared.media.shape import shown_size
from shared.ports.storage import VideoFacts

MOST_SIDE_PIXELS: Final = 4096
_SHORTEST_SECONDS: Final = Fraction(1, 2)
# Frames that wait for others put a beginning off by a few frames, not by more.
_LATEST_BEGIN_SECONDS: Final = Fraction(1, 2)
_VIDEO_CODECS: Final = ("h264",)
# 4:2:0 in 8 bits: no browser promises to play the other profiles.
_PROFILES: Final = ("Constrained Baseline", "Baseline", "Main", "High")
_PIXEL_FORMATS: Final = ("yuv420p", "yuvj420p")
_AUDIO_CODECS: Final = ("aac",)

# FFmpeg's own errors, and what PyAV makes of impossible values.
_BROKEN: Final = (av.FFmpegError, ValueError, OverflowError, MemoryError)


def inspect(file: BinaryIO, *, size_bytes: int) -> VideoFacts:
    """BadContent where it is no whole MP4 that plays."""
    check_boxes(file, size_bytes)
    file.seek(0)
    with _translated():
        _check_packets(file)
        file.seek(0)
        with av.open(file, mode="r", format="mp4") as container:
            return _facts(container)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise BadContent(f"no playable MP4: {type(error).__name__}") from error


def _check_packets(file: BinaryIO) -> None:
    """Every sample of the index is there; without edit lists, which hide some."""
    options = {"ignore_editlist": "1"}
    with av.open(file, mode="r", format="mp4", options=options) as container:
        seen = {stream.index: 0 for stream in container.streams}
        for packet in container.demux():
            if packet.is_corrupt:
                raise BadContent("no whole MP4: a packet is damaged")
            seen[packet.stream_index] += packet.size > 0
        for stream in container.streams:
            # A fragmented file has no such figure: it says 0.
            if stream.frames and seen[stream.index] != stream.frames:
                counted = f"{seen[stream.index]} packets, not {stream.frames}"
                raise BadContent(f"no whole MP4: {counted}")


def _facts(container: InputContainer) -> VideoFacts:
    video = _video(container)
    audio = _audio(container)
    shown = _decoded(container, video, audio)
    images, sound = shown.images, shown.sound
    if images.seconds <= _SHORTEST_SECONDS:
        raise BadContent(f"no playable MP4: {float(images.seconds):.3f} seconds long")
    if images.begin > _LATEST_BEGIN_SECONDS:
        late = f"{float(images.begin):.1f} seconds"
        raise BadContent(f"no playable MP4: it shows nothing for its first {late}")
    if audio and not shown.has_sound:
        raise BadContent("no playable MP4: its sound can't be decoded")
    width, height = shown.size
    return VideoFacts(
        duration_seconds=float(images.seconds),
        width=width,
        height=height,
        has_audio=audio is not None,
        audio_seconds=float(images.shared_with(sound)),
        poster=shown.poster,
    )


def _video(container: InputContainer) -> VideoStream:
    """The one video track; an attached cover image does not count."""
    tracks = [s for s in container.streams.video if not _is_cover(s)]
    if len(tracks) != 1:
        raise BadContent(f"no playable MP4: it has {len(tracks)} video tracks")
    context = tracks[0].codec_context
    if context is None or context.name not in _VIDEO_CODECS:
        raise BadContent("no playable MP4: its video is not H.264")
    if context.profile not in _PROFILES:
        raise BadContent(f"no playable MP4: its H.264 is {context.profile}")
    _check_sides(context.width, context.height)
    # Frames come at once, and errors where they happen.
    context.thread_type = "NONE"
    return tracks[0]


def _check_sides(*sides: int) -> None:
    if not 0 < min(sides) <= max(sides) <= MOST_SIDE_PIXELS:
        raise BadContent(f"no playable MP4: no side of 1 to {MOST_SIDE_PIXELS} pixels")


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _audio(container: InputContainer) -> AudioStream | None:
    for stream in container.streams.audio:
        if (
            stream.codec_context is None
            or stream.codec_context.name not in _AUDIO_CODECS
        ):
            raise BadContent("no playable MP4: its sound is not AAC")
        return stream
    return None


class _Span(Struct):
    """From where its first part begins to where its last one ends, in seconds."""

    parts: int = 0
    begin: Fraction = Fraction(0)
    end: Fraction = Fraction(0)

    @property
    def seconds(self) -> Fraction:
        return self.end - self.begin

    def add(self, begin: Fraction, length: Fraction) -> None:
        self.begin = min(self.begin, begin) if self.parts else begin
        self.end = max(self.end, begin + length)
        self.parts += 1

    def shared_with(self, other: "_Span") -> Fraction:
        shared = min(self.end, other.end) - max(self.begin, other.begin)
        return max(Fraction(0), shared)


class _Shown(Struct):
    """What a player shows and plays; `size`: turned and stretched as it does."""

    images: _Span = field(default_factory=_Span)
    sound: _Span = field(default_factory=_Span)
    has_sound: bool = False
    coded_size: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)
    poster: bytes = b""


def _decoded(
    container: InputContainer, video: VideoStream, audio: AudioStream | None
) -> _Shown:
    """Decodes every frame of the video track, and sound until some came.

    FFmpeg applies the edit list: what it cuts off is not among the frames.
    """
    shown = _Shown()
    for packet in container.demux(*([video, audio] if audio else [video])):
        if packet.stream is video:
            for frame in packet.decode():
                _add(shown, frame, video)
            continue
        if packet.pts is not None:
            shown.sound.add(*_times(packet, packet.stream))
        if not shown.has_sound:
            shown.has_sound = bool(packet.decode())
    return shown


def _add(shown: _Shown, frame: Any, video: VideoStream) -> None:
    if frame.is_corrupt:
        raise BadContent("no playable MP4: a frame is damaged")
    if frame.pts is None:
        raise BadContent("no playable MP4: a frame has no time")
    if frame.format.name not in _PIXEL_FORMATS:
        raise BadContent(f"no playable MP4: its pixels are {frame.format.name}")
    if not shown.images.parts:
        shown.coded_size = frame.width, frame.height
        shown.size = shown_size(frame, video.sample_aspect_ratio)
        _check_sides(*shown.size)
        shown.poster = poster_of(frame, shown.size)
    if (frame.width, frame.height) != shown.coded_size:
        raise BadContent("no playable MP4: its frames change their size")
    shown.images.add(*_times(frame, video))


def _times(part: Any, stream: Stream) -> tuple[Fraction, Fraction]:
    """Where it begins, and how long it lasts."""
    base = stream.time_base or Fraction(1)
    return part.pts * base, (part.duration or 0) * base
