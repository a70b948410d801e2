"""What a video really is: its boxes, and every frame of it.

Runs in the child process alone: what a hostile file does to FFmpeg ends with the child.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from shared.domain.errors import BadContent
from shared.media.boxes import check_boxes
from shared.media.poster import poster_of
from shared.ports.storage import VideoFacts

MOST_SIDE_PIXELS: Final = 4096
_SHORTEST_SECONDS: Final = Fraction(1, 2)
_VIDEO_CODECS: Final = ("h264",)
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
    if shown.seconds <= _SHORTEST_SECONDS:
        raise BadContent(f"no playable MP4: {float(shown.seconds):.3f} seconds long")
    if audio and not shown.has_sound:
        raise BadContent("no playable MP4: its sound can't be decoded")
    return VideoFacts(
        duration_seconds=float(shown.seconds),
        width=video.codec_context.width,
        height=video.codec_context.height,
        has_audio=audio is not None,
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
    if not 0 < max(context.width, context.height) <= MOST_SIDE_PIXELS:
        raise BadContent(f"no playable MP4: more than {MOST_SIDE_PIXELS} pixels a side")
    # Frames come at once, and errors where they happen.
    context.thread_type = "NONE"
    return tracks[0]


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


@dataclass(slots=True)
class _Shown:
    """What a player shows: from the first frame's begin to the last one's end."""

    begin: Fraction | None = None
    end: Fraction = Fraction(0)
    has_sound: bool = False
    poster: bytes = b""

    @property
    def seconds(self) -> Fraction:
        return self.end - (self.begin or 0)


def _decoded(
    container: InputContainer, video: VideoStream, audio: AudioStream | None
) -> _Shown:
    """Decodes every frame of the video track, and sound until some came.

    FFmpeg applies the edit list: what it cuts off is not among the frames.
    """
    shown, base = _Shown(), video.time_base or Fraction(1)
    for packet in container.demux(*([video, audio] if audio else [video])):
        if packet.stream is video:
            for frame in packet.decode():
                _add(shown, frame, base)
        elif not shown.has_sound:
            shown.has_sound = bool(packet.decode())
    return shown


def _add(shown: _Shown, frame: Any, base: Fraction) -> None:
    if frame.is_corrupt:
        raise BadContent("no playable MP4: a frame is damaged")
    if frame.pts is None:
        raise BadContent("no playable MP4: a frame has no time")
    begin = frame.pts * base
    if shown.begin is None:
        shown.begin, shown.poster = begin, poster_of(frame)
    shown.begin = min(shown.begin, begin)
    shown.end = max(shown.end, begin + (frame.duration or 0) * base)
