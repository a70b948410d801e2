"""What an image really is, and how it becomes the one JPEG that every provider takes.

Runs in the child process alone: what a hostile file does to Pillow ends with the child.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from PIL import AvifImagePlugin, Image, ImageChops, ImageCms, ImageOps, PngImagePlugin

from shared.domain.errors import BadContent, ImageFault
from shared.domain.framing import MOST_RATIO, crop_of
from shared.domain.image_type import HEIC, image_type
from shared.domain.request import (
    LARGEST_IMAGE_BYTES,
    MOST_JPEG_MEGAPIXELS,
    MOST_MEGAPIXELS,
)
from shared.domain.structs import replace
from shared.ports.storage import Jpeg

# A JPEG is decoded at a half, a quarter or an eighth of its size; the others whole.
MOST_PIXELS: Final[Mapping[str, int]] = dict.fromkeys(
    ("JPEG", "MPO"), MOST_JPEG_MEGAPIXELS * 1_000_000
) | dict.fromkeys(("PNG", "WEBP", "AVIF"), MOST_MEGAPIXELS * 1_000_000)
# Each scan of a progressive JPEG goes over all of its pixels; cameras write about ten.
MOST_SCANS: Final = 100
MOST_JPEG_BYTES: Final = 3_500_000

# The content decides, whatever its name; a GIF may be a film.
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "AVIF")
_START_OF_SCAN: Final = b"\xff\xda"
_END_OF_IMAGE: Final = b"\xff\xd9"
_START_OF_JPEG: Final = b"\xff\xd8"
_LONGEST_SIDE_PIXELS: Final = 3840
_QUALITIES: Final = (92, 85, 75, 60)
_SHRINK: Final = 0.75
_ORIENTATION_TAG: Final = 0x0112
_TURNED: Final = (5, 6, 7, 8)
_SIXTEEN_BITS_TO_EIGHT: Final = [value >> 8 for value in range(1 << 16)]
_MOST_PROFILE_BYTES: Final = 4_000_000
# Elements that LittleCMS evaluates one by one, as many as a file cares to list.
_COSTLY_PROFILE_TYPE: Final = b"mpet"

# Screenshots carry profiles, and image editors texts, above Pillow's own bound of 1 MB.
PngImagePlugin.MAX_TEXT_CHUNK = LARGEST_IMAGE_BYTES
PngImagePlugin.MAX_TEXT_MEMORY = 4 * LARGEST_IMAGE_BYTES
# Each thread takes address space, which is limited.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Pixels are bounded below, by what each format needs to decode.
Image.MAX_IMAGE_PIXELS = None

# What Pillow's decoders were seen to raise for broken files.
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    OverflowError,
    MemoryError,
    RuntimeError,
    EOFError,
    struct.error,
    zlib.error,
)


def to_jpeg(content: bytes) -> Jpeg:
    """Upright, sRGB, without metadata, alpha on white, ratio 1:2 to 2:1.

    At most 3840 pixels a side and 3.5 MB; a wider or taller image is cut at both ends.
    BadContent says why an image can't be used.
    """
    if len(content) > LARGEST_IMAGE_BYTES:
        raise BadContent(f"the image has more than {LARGEST_IMAGE_BYTES:,} bytes")
    if image_type(content) == HEIC:
        raise BadContent("the image is HEIC", fault=ImageFault.HEIC)
    if content.startswith(_START_OF_JPEG):
        if content.count(_START_OF_SCAN) > MOST_SCANS:
            raise BadContent(f"the image has more than {MOST_SCANS} scans")
        content = _with_end(content)
    with _translated(), _opened(content) as image:
        _check_size(image)
        width, height = _upright_size(image)
        jpeg = _encode(_flat(_prepared(image)))
    return replace(jpeg, source_width=width, source_height=height)


def _with_end(content: bytes) -> bytes:
    """A JPEG that lacks its end marker alone, with one; any other as it is.

    Only then is what follows the last pixel not looked at: it may be anything.
    """
    if _END_OF_IMAGE in content[-1024:]:
        return content
    content = content.removesuffix(_END_OF_IMAGE[:1])
    fillers = (b"", b"\x55\x2a" * 512)
    with _translated():
        shown = {_thumbnail(content + filler + _END_OF_IMAGE) for filler in fillers}
    return content + _END_OF_IMAGE if len(shown) == 1 else content


def _thumbnail(content: bytes) -> bytes:
    with _opened(content) as image:
        _check_size(image)
        # Never at an eighth: then only the first coefficient of a block would count.
        image.draft(None, (max(960, image.width // 4), max(960, image.height // 4)))
        return image.tobytes()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise BadContent(f"no readable image: {type(error).__name__}") from error


def _opened(content: bytes) -> Image.Image:
    """Reads the head only; the pixels come later."""
    return Image.open(io.BytesIO(content), formats=_FORMATS)


def _check_size(image: Image.Image) -> None:
    most = MOST_PIXELS[image.format or "PNG"]
    if image.width * image.height > most:
        raise BadContent(
            f"the image has more than {most:,} pixels", fault=ImageFault.TOO_MANY_PIXELS
        )


def _upright_size(image: Image.Image) -> tuple[int, int]:
    is_turned = _orientation(image) in _TURNED
    return (image.height, image.width) if is_turned else image.size


def _orientation(image: Image.Image) -> int:
    return int(image.getexif().get(_ORIENTATION_TAG, 1))


def _prepared(image: Image.Image) -> Image.Image:
    """The pixels, cut and made small before anything costly is done to them."""
    profile = _usable(image.info.get("icc_profile"))
    orientation = _orientation(image)
    # Decodes a large JPEG at a fraction of its size.
    shrink = max(1, _longest_kept(image) / _LONGEST_SIDE_PIXELS)
    image.draft(None, (int(image.width / shrink), int(image.height / shrink)))
    prepared = _resized(_cropped(_on_white(image)), _LONGEST_SIDE_PIXELS)
    # A comment in there would be written again.
    prepared.info = {"icc_profile": profile} if profile else {}
    prepared.getexif()[_ORIENTATION_TAG] = orientation
    ImageOps.exif_transpose(prepared, in_place=True)
    return prepared


def _usable(profile: bytes | None) -> bytes | None:
    """The colour profile; None where reading it could take longer than it is worth."""
    if not profile or len(profile) > _MOST_PROFILE_BYTES:
        return None
    return None if _COSTLY_PROFILE_TYPE in profile else profile


def _on_white(image: Image.Image) -> Image.Image:
    """Opaque, eight bits a band; in place, since this may be 256 MB."""
    if image.mode.startswith("I"):
        narrow = image.convert("I").point(_SIXTEEN_BITS_TO_EIGHT, "L")
        return narrow.convert("RGB")
    if image.has_transparency_data:
        shown = image if image.mode == "RGBA" else image.convert("RGBA")
        shown.paste("white", mask=ImageChops.invert(shown.getchannel("A")))
        shown.putalpha(255)
        return shown
    return image if image.mode in ("RGB", "CMYK") else image.convert("RGB")


def _longest_kept(image: Image.Image) -> int:
    crop = crop_of(*image.size)
    return max((crop.width, crop.height) if crop else image.size)


def _cropped(image: Image.Image) -> Image.Image:
    crop = crop_of(*image.size)
    if crop is None:
        return image
    return image.crop((crop.x, crop.y, crop.x + crop.width, crop.y + crop.height))


def _resized(image: Image.Image, longest: int) -> Image.Image:
    if max(image.size) <= longest:
        return image.copy()
    # Not `thumbnail`: its rounding could leave the ratio that was just made.
    scale = longest / max(image.size)
    least = -(-longest // MOST_RATIO)
    size = [max(least, round(side * scale)) for side in image.size]
    # Band by band: Pillow copies the whole of an image with alpha first.
    bands = [
        image.getchannel(band).resize((size[0], size[1]), Image.Resampling.LANCZOS)
        for band in ("RGB" if image.mode == "RGBA" else image.getbands())
    ]
    return Image.merge("RGB" if len(bands) == 3 else image.mode, bands)


def _flat(image: Image.Image) -> Image.Image:
    """RGB in sRGB; a profile that can't be read is ignored."""
    profile = image.info.get("icc_profile")
    opaque = image.convert("RGB") if image.mode == "RGBA" else image
    converted = _in_srgb(opaque, profile) if profile else opaque
    return converted.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image
    return converted or image


def _encode(image: Image.Image) -> Jpeg:
    while True:
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=quality)
            if buffer.tell() <= MOST_JPEG_BYTES:
                return _jpeg(buffer.getvalue(), image)
        image = _resized(image, int(max(image.size) * _SHRINK))


def _jpeg(content: bytes, image: Image.Image) -> Jpeg:
    width, height = image.size
    return Jpeg(
        content=content,
        width=width,
        height=height,
        source_width=width,
        source_height=height,
    )
