"""Checks that bytes are an image that a video vendor accepts."""

import base64
import binascii
import io

from PIL import Image, ImageOps, UnidentifiedImageError

_FORMATS = ("JPEG", "PNG", "WEBP")
_MAX_SIDE_PIXELS = 8000


class ImageError(ValueError):
    """The image is invalid; the message says why."""


def from_base64(text: object) -> bytes:
    """The image, checked. Raises ImageError."""
    try:
        content = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("Invalid base64") from error
    check_image(content)
    return content


def check_image(content: bytes) -> None:
    """Raises ImageError unless it is a complete JPEG, PNG or WebP with sides of at most
    8000 px and an aspect ratio from 0.5 to 2. This is Runway's rule; Google's is not
    known to be narrower.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            width, height = image.size
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ImageError("Invalid asset: not a readable image") from error
    if max(width, height) > _MAX_SIDE_PIXELS:
        raise ImageError(f"Invalid asset: {width}x{height} exceeds 8000 pixels")
    if not 0.5 <= width / height <= 2:
        raise ImageError(f"Invalid asset: aspect ratio of {width}x{height}")


def stand_in() -> bytes:
    """A picture of a dawn, for an order without an image."""
    grey = Image.linear_gradient("L").resize((640, 480))
    image = ImageOps.colorize(grey, black="#16213e", mid="#a8577e", white="#f4b860")
    written = io.BytesIO()
    image.save(written, "JPEG")
    return written.getvalue()
