"""Images that say whose they are, and the number that a video of one still shows."""

import io
import itertools

import av
from PIL import Image

COLUMNS, ROWS = 8, 4
BITS = COLUMNS * ROWS // 2
_SIZE = (320, 180)  # of the shape of a video, so that nothing is cut off
_DARK, _LIGHT = 48, 208


class NoNumberError(ValueError):
    """The video shows no image of ours."""


def image_of(number: int) -> bytes:
    """A JPEG of 32 blocks, the number's 16 bits and their opposites."""
    levels = bytes(_LIGHT if bit else _DARK for bit in _bits(number))
    blocks = Image.frombytes("L", (COLUMNS, ROWS), levels)
    image = blocks.resize(_SIZE, Image.Resampling.NEAREST).convert("RGB")
    written = io.BytesIO()
    image.save(written, "JPEG", quality=90)
    return written.getvalue()


def _bits(number: int) -> list[bool]:
    plain = [bool(number >> index & 1) for index in range(BITS)]
    return plain + [not bit for bit in plain]


def number_in(mp4: bytes) -> int:
    """Decodes every frame. NoNumberError, or FFmpeg's error where it doesn't play."""
    with av.open(io.BytesIO(mp4), "r") as video:
        frames = video.decode(video.streams.video[0])
        first = next(iter(frames), None)
        if first is None:
            raise NoNumberError("it has no frame")
        number = _number(_grey(first))
        count = 1 + sum(1 for _ in frames)
        promised = video.streams.video[0].frames
    if promised and count != promised:
        raise NoNumberError(f"{count} of {promised} frames play")
    return number


def _grey(frame: av.VideoFrame) -> Image.Image:
    plane = frame.reformat(format="gray").planes[0]
    size = (plane.line_size, plane.height)
    padded = Image.frombytes("L", size, bytes(plane))
    return padded.crop((0, 0, plane.width, plane.height))


def _number(frame: Image.Image) -> int:
    seen = [
        _is_light(frame, x, y)
        for y, x in itertools.product(range(ROWS), range(COLUMNS))
    ]
    plain, opposite = seen[:BITS], seen[BITS:]
    if any(a is b for a, b in zip(plain, opposite, strict=True)):
        raise NoNumberError("its first frame shows no image of ours")
    return sum(1 << index for index, bit in enumerate(plain) if bit)


def _is_light(frame: Image.Image, column: int, row: int) -> bool:
    x = (2 * column + 1) * frame.width // (2 * COLUMNS)
    y = (2 * row + 1) * frame.height // (2 * ROWS)
    level = frame.getpixel((x, y))
    return isinstance(level, int | float) and level > (_DARK + _LIGHT) / 2
