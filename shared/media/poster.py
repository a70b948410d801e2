"""A video's first frame as a small JPEG.

Runs in the child process alone, on a frame that was decoded to check the video.
"""

import io
from typing import Final

from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from PIL import Image

MOST_BYTES: Final = 1_000_000
_LONGEST_SIDE_PIXELS: Final = 1280
_QUALITIES: Final = (82, 50)
_UNSPECIFIED: Final = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
# Players take an unmarked video for BT.709 from this height on, FFmpeg for BT.601.
_LEAST_HD_LINES: Final = 720


def poster_of(frame: VideoFrame) -> bytes:
    """Empty if none can be made: a video isn't lost for want of a poster."""
    try:
        return _jpeg(_rgb(frame))
    except (OSError, ValueError, MemoryError, RuntimeError):
        return b""


def _rgb(frame: VideoFrame) -> Image.Image:
    is_hd = min(frame.width, frame.height) >= _LEAST_HD_LINES
    is_unmarked = frame.colorspace == _UNSPECIFIED
    space = Colorspace.ITU709 if is_hd and is_unmarked else None
    # One thread: each takes address space, which is limited.
    shown = frame.reformat(format="rgb24", src_colorspace=space, threads=1)
    image: Image.Image = shown.to_image()
    image.thumbnail((_LONGEST_SIDE_PIXELS, _LONGEST_SIDE_PIXELS))
    return image


def _jpeg(image: Image.Image) -> bytes:
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= MOST_BYTES:
            return buffer.getvalue()
    return b""
