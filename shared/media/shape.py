"""Computes how a player shows a frame: rotated and stretched, as the file says."""

from typing import Any

from av.video.frame import VideoFrame


def quarter_turns(frame: VideoFrame) -> int:
    """Counterclockwise, from the track's matrix; players ignore all other rotations."""
    turns, rest = divmod(frame.rotation, 90)
    return 0 if rest else turns % 4


def shown_size(frame: VideoFrame, pixel_aspect_ratio: Any) -> tuple[int, int]:
    """Width and height in pixels, as shown.

    The aspect ratio is PyAV's: a Fraction before its version 19, then an AVRational.
    Without one (None, or 0/1), a pixel is square.
    """
    width, height = round(frame.width * (pixel_aspect_ratio or 1)), frame.height
    return (height, width) if quarter_turns(frame) % 2 else (width, height)
