"""Makes the poster, a small JPEG of a video's first frame.

Runs only in the child process, on a frame that was decoded to check the video.
"""

import io
from typing import Final

from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from PIL import Image

from shared.media.shape import quarter_turns

MAX_BYTES: Final = 1_000_000
_MAX_SIDE_PIXELS: Final = 1280
_QUALITIES: Final = (82, 50)
_UNSPECIFIED: Final = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
# From this height on, players assume BT.709 for an unmarked video, but FFmpeg BT.601.
_MIN_HD_LINES: Final = 720


def poster_of(frame: VideoFrame, size: tuple[int, int]) -> bytes:
    """The frame as a player shows it, at most as large as `size`.

    Empty if that fails: a video must not be lost because it has no poster.
    """
    try:
        return _jpeg(_rgb(frame, size))
    except (OSError, ValueError, MemoryError, RuntimeError):
        return b""


def _rgb(frame: VideoFrame, size: tuple[int, int]) -> Image.Image:
    is_hd = min(frame.width, frame.height) >= _MIN_HD_LINES
    is_unmarked = frame.colorspace == _UNSPECIFIED
    space = Colorspace.ITU709 if is_hd and is_unmarked else None
    # One thread, because each uses address space, which is limited.
    shown = frame.reformat(format="rgb24", src_colorspace=space, threads=1)
    image: Image.Image = shown.to_image()
    share = min(1.0, _MAX_SIDE_PIXELS / max(size))
    width, height = (max(1, round(side * share)) for side in size)
    # Pillow would copy the image even if nothing has to change.
    if turns := quarter_turns(frame):
        image = image.rotate(90 * turns, expand=True)
    if image.size != (width, height):
        image = image.resize((width, height), reducing_gap=2.0)
    return image


def _jpeg(image: Image.Image) -> bytes:
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= MAX_BYTES:
            return buffer.getvalue()
    return b""
