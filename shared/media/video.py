"""Checks a video: its boxes, and every frame of it.

Runs only in the child process, so that damage by a hostile file ends with that process.
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

from shared.domain.delivery import VideoFacts
from shared.domain.errors import BadContent
from shared.media.boxes import check_boxes
from shared.media.poster import poster_of
from shared.media.shape import shown_size

MAX_SIDE_PIXELS: Final = 4096
_MIN_SECONDS: Final = Fraction(1, 2)
# Reordered frames delay the first one by a few frames, not by more.
_MAX_BEGIN_SECONDS: Final = Fraction(1, 2)
# If a single frame or packet takes longer, others are missing, or the image is a still.
_MAX_PART_SECONDS: Final = Fraction(1)
_VIDEO_CODECS: Final = ("h264",)
# 4:2:0 in 8 bits: no browser promises to play the other profiles.
_PROFILES: Final = ("Constrained Baseline", "Baseline", "Main", "High")
_PIXEL_FORMATS: Final = ("yuv420p", "yuvj420p")
_AUDIO_CODECS: Final = ("aac",)
# To open a file, FFmpeg decodes what the headers of its tracks don't say. This prevents
# it for other codecs: one PNG of 8000 pixels a side took half a second each time.
_OPTIONS: Final = {"codec_whitelist": ",".join((*_VIDEO_CODECS, *_AUDIO_CODECS))}
# Before version 19, PyAV would refuse a file for a name or title in other letters than
# UTF-8, which no player minds.
_IS_STRICT: Final = int(av.__version__.partition(".")[0]) < 19
_TEXTS: Final[dict[str, Any]] = {"metadata_errors": "replace"} if _IS_STRICT else {}

# FFmpeg's own errors, and those that PyAV raises for impossible values.
_BROKEN: Final = (av.FFmpegError, ValueError, OverflowError, MemoryError)


def inspect(file: BinaryIO, *, size_bytes: int) -> VideoFacts:
    """BadContent if it is not a complete, playable MP4."""
    check_boxes(file, size_bytes)
    file.seek(0)
    with _map_errors():
        _check_packets(file)
        file.seek(0)
        with _open(file, _OPTIONS) as container:
            return _facts(container)


def _open(file: BinaryIO, options: dict[str, str]) -> InputContainer:
    opened: InputContainer = av.open(
        file, mode="r", format="mp4", options=options, **_TEXTS
    )
    return opened


@contextmanager
def _map_errors() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise BadContent(f"not a playable MP4: {type(error).__name__}") from error


def _check_packets(file: BinaryIO) -> None:
    """BadContent if a sample of the index is missing. Ignores edit lists, which would
    hide some samples.
    """
    with _open(file, {**_OPTIONS, "ignore_editlist": "1"}) as container:
        seen = {stream.index: 0 for stream in container.streams}
        for packet in container.demux():
            if packet.is_corrupt:
                raise BadContent("not a complete MP4: a packet is damaged")
            seen[packet.stream_index] += packet.size > 0
        for stream in container.streams:
            # `frames` is 0 if the file doesn't say, as in a fragmented one.
            if stream.frames and seen[stream.index] != stream.frames:
                counted = f"{seen[stream.index]} packets, not {stream.frames}"
                raise BadContent(f"not a complete MP4: {counted}")


def _facts(container: InputContainer) -> VideoFacts:
    video = _video(container)
    audio = _audio(container)
    playback = _decode(container, video, audio)
    images, sound = playback.images, playback.sound
    if images.seconds <= _MIN_SECONDS:
        raise BadContent(
            f"not a playable MP4: {float(images.seconds):.3f} seconds long"
        )
    if images.begin > _MAX_BEGIN_SECONDS:
        late = f"{float(images.begin):.1f} seconds"
        raise BadContent(f"not a playable MP4: it shows nothing for its first {late}")
    if images.gaps:
        still = f"{float(images.gaps):.1f} seconds"
        raise BadContent(f"not a playable MP4: it stands still for {still}")
    if audio and not playback.has_sound:
        raise BadContent("not a playable MP4: its sound can't be decoded")
    width, height = playback.size
    return VideoFacts(
        duration_seconds=float(images.seconds),
        width=width,
        height=height,
        has_audio=audio is not None,
        audio_seconds=float(images.shared_with(sound)),
        poster=playback.poster,
    )


def _video(container: InputContainer) -> VideoStream:
    """The one video track; an attached cover image does not count."""
    tracks = [s for s in container.streams.video if not _is_cover(s)]
    if len(tracks) != 1:
        raise BadContent(f"not a playable MP4: it has {len(tracks)} video tracks")
    context = tracks[0].codec_context
    if context is None or context.name not in _VIDEO_CODECS:
        raise BadContent("not a playable MP4: its video is not H.264")
    if context.profile not in _PROFILES:
        raise BadContent(f"not a playable MP4: its H.264 is {context.profile}")
    _check_sides(context.width, context.height)
    # Frames are returned without delay, and errors are raised where they occur.
    context.thread_type = "NONE"
    return tracks[0]


def _check_sides(*sides: int) -> None:
    if not 0 < min(sides) <= max(sides) <= MAX_SIDE_PIXELS:
        raise BadContent(
            f"not a playable MP4: no side of 1 to {MAX_SIDE_PIXELS} pixels"
        )


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _audio(container: InputContainer) -> AudioStream | None:
    for stream in container.streams.audio:
        if (
            stream.codec_context is None
            or stream.codec_context.name not in _AUDIO_CODECS
        ):
            raise BadContent("not a playable MP4: its sound is not AAC")
        return stream
    return None


class _Span(Struct):
    """From the beginning of the first part to the end of the last one, in seconds.

    `gaps`: all times in it of more than `_MAX_PART_SECONDS` without anything new.
    """

    parts: int = 0
    begin: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    gaps: Fraction = Fraction(0)

    @property
    def seconds(self) -> Fraction:
        return self.end - self.begin

    def add(self, begin: Fraction, length: Fraction) -> None:
        if not self.parts:
            self.begin = self.end = begin
        advance = begin + length - self.end
        if advance > _MAX_PART_SECONDS:
            self.gaps += advance
        self.begin = min(self.begin, begin)
        self.end = max(self.end, begin + length)
        self.parts += 1

    def shared_with(self, other: "_Span") -> Fraction:
        shared = min(self.end, other.end) - max(self.begin, other.begin)
        return max(Fraction(0), shared - other.gaps)


class _Playback(Struct):
    """What a player shows and plays. `size` is as on the screen, not `coded_size`."""

    images: _Span = field(default_factory=_Span)
    sound: _Span = field(default_factory=_Span)
    has_sound: bool = False
    coded_size: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)
    poster: bytes = b""


def _decode(
    container: InputContainer, video: VideoStream, audio: AudioStream | None
) -> _Playback:
    """Decodes every frame of the video track, and sound up to the first that decodes.

    FFmpeg applies the edit list, so frames that it cuts off are not included.
    """
    playback = _Playback()
    for packet in container.demux(*([video, audio] if audio else [video])):
        if packet.stream is video:
            for frame in packet.decode():
                _add_frame(playback, frame, video)
            continue
        if packet.pts is not None:
            playback.sound.add(*_begin_and_length(packet, packet.stream))
        if not playback.has_sound:
            playback.has_sound = bool(packet.decode())
    return playback


def _add_frame(playback: _Playback, frame: Any, video: VideoStream) -> None:
    if frame.is_corrupt:
        raise BadContent("not a playable MP4: a frame is damaged")
    if frame.pts is None:
        raise BadContent("not a playable MP4: a frame has no time")
    if frame.format.name not in _PIXEL_FORMATS:
        raise BadContent(f"not a playable MP4: its pixels are {frame.format.name}")
    if not playback.images.parts:
        playback.coded_size = frame.width, frame.height
        playback.size = shown_size(frame, video.sample_aspect_ratio)
        _check_sides(*playback.size)
        playback.poster = poster_of(frame, playback.size)
    if (frame.width, frame.height) != playback.coded_size:
        raise BadContent("not a playable MP4: its frames change their size")
    playback.images.add(*_begin_and_length(frame, video))


def _begin_and_length(part: Any, stream: Stream) -> tuple[Fraction, Fraction]:
    """When a frame or packet begins and how long it lasts, in seconds."""
    base = stream.time_base or Fraction(1)
    return part.pts * base, (part.duration or 0) * base
