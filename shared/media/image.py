"""Checks an image and converts it into a JPEG that every provider accepts.

Runs only in the child process, so that damage by a hostile file ends with that process.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from PIL import AvifImagePlugin, Image, ImageChops, ImageCms, ImageOps, PngImagePlugin

from shared.domain.errors import BadContent, ImageFault
from shared.domain.framing import MAX_RATIO, crop_of
from shared.domain.image_type import HEIC, image_type
from shared.domain.request import MAX_IMAGE_BYTES, MAX_JPEG_MEGAPIXELS, MAX_MEGAPIXELS
from shared.ports.storage import Jpeg

# JPEGs can be decoded at a half, a quarter or an eighth of their size, others can't.
MAX_PIXELS: Final[Mapping[str, int]] = dict.fromkeys(
    ("JPEG", "MPO"), MAX_JPEG_MEGAPIXELS * 1_000_000
) | dict.fromkeys(("PNG", "WEBP", "AVIF"), MAX_MEGAPIXELS * 1_000_000)
# Each scan of a progressive JPEG covers all of its pixels; cameras write about ten.
MAX_SCANS: Final = 100
MAX_JPEG_BYTES: Final = 3_500_000

# The content decides, not the file's name. No GIF, because it may be animated.
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "AVIF")
_START_OF_SCAN: Final = b"\xff\xda"
# Not those without a length: a stuffed byte, restarts, and what no JPEG has, which
# libjpeg passes over where a restart is due.
_MARKER: Final = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_END_OF_IMAGE: Final = b"\xff\xd9"
_START_OF_JPEG: Final = b"\xff\xd8"
_FILL_GREY: Final = 128
# Copies that were cut off are filled up with zeros, and so are some whole files.
_PADDING: Final = bytes(512)
_MAX_SIDE_PIXELS: Final = 3840
_QUALITIES: Final = (92, 85, 75, 60)
_SHRINK_FACTOR: Final = 0.75
_ORIENTATION_TAG: Final = 0x0112
_QUARTER_TURNS: Final = (5, 6, 7, 8)
_MAX_PROFILE_BYTES: Final = 4_000_000
# LittleCMS evaluates these elements one by one, and a profile can list any number.
_COSTLY_PROFILE_TYPE: Final = b"mpet"

# Profiles in screenshots and texts by image editors exceed Pillow's own limit of 1 MB.
PngImagePlugin.MAX_TEXT_CHUNK = MAX_IMAGE_BYTES
PngImagePlugin.MAX_TEXT_MEMORY = 4 * MAX_IMAGE_BYTES


class _PngStream(PngImagePlugin.PngStream):
    """Like browsers, ignores a wrong checksum of a part that isn't needed."""

    def crc(self, cid: bytes, data: bytes) -> None:
        is_needed = cid[:1].isupper()
        check = super().crc if is_needed else self.crc_skip
        check(cid, data)


# Pillow's own stream refuses such a file, and Pillow has no setting for another one.
PngImagePlugin.PngStream = _PngStream  # type: ignore[misc] # a class is replaced
# Each thread uses address space, which is limited.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# `MAX_PIXELS` limits them instead, by what decoding each format takes.
Image.MAX_IMAGE_PIXELS = None

# What Pillow's decoders were observed to raise for broken files.
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    EOFError,
    struct.error,
    zlib.error,
)


def to_jpeg(content: bytes) -> Jpeg:
    """Upright, in sRGB, without metadata, transparency on white, ratio 1:2 to 2:1.

    At most 3840 pixels a side and 3.5 MB; a wider or taller image is cropped at both
    ends. BadContent says why an image can't be used.
    """
    if len(content) > MAX_IMAGE_BYTES:
        raise BadContent(f"the image has more than {MAX_IMAGE_BYTES:,} bytes")
    if image_type(content) == HEIC:
        raise BadContent("the image is HEIC", fault=ImageFault.HEIC)
    if content.startswith(_START_OF_JPEG):
        if _scan_count(content) > MAX_SCANS:
            raise BadContent(f"the image has more than {MAX_SCANS} scans")
        content = _with_end_marker(content)
    with _map_errors(), _open(content) as image:
        _check_size(image)
        source_width, source_height = _upright_size(image)
        prepared = _prepare(image)
        if content.startswith(_START_OF_JPEG) and _ends_in_grey(image):
            _check_pixels(content)
        jpeg, (width, height) = _encode(_to_srgb(prepared))
    return Jpeg(
        content=jpeg,
        width=width,
        height=height,
        source_width=source_width,
        source_height=source_height,
    )


def _scan_count(content: bytes) -> int:
    """Without what isn't decoded: metadata, and anything after the end marker."""
    at, scans = len(_START_OF_JPEG), 0
    while (found := _MARKER.search(content, at)) and found[0] != _END_OF_IMAGE:
        scans += found[0] == _START_OF_SCAN
        at = found.end() + int.from_bytes(content[found.end() : found.end() + 2])
    return scans


def _with_end_marker(content: bytes) -> bytes:
    """Adds the end marker to a JPEG that lacks nothing else; others stay the same."""
    if content.endswith(_PADDING):
        # One may be the last byte of the pixels.
        content = content.rstrip(b"\0") + b"\0"
    if _END_OF_IMAGE in content[-1024:]:
        return content
    content = content.removesuffix(_END_OF_IMAGE[:1])
    return content + _END_OF_IMAGE if _has_all_pixels(content) else content


def _ends_in_grey(image: Image.Image) -> bool:
    """With which decoders fill up what is missing before an end marker."""
    corner = image.getpixel((image.width - 1, image.height - 1))
    bands = corner if isinstance(corner, tuple) else (corner or 0,)
    return all(abs(band - _FILL_GREY) <= 1 for band in bands)


def _check_pixels(content: bytes) -> None:
    if not _has_all_pixels(content[: content.rindex(_END_OF_IMAGE)]):
        raise BadContent("the image lacks pixels")


def _has_all_pixels(content: bytes) -> bool:
    """Whether a JPEG, given without its end marker, is whole.

    Only then are its pixels the same whichever of two fillers follows.
    """
    fillers = (b"", b"\x55\x2a" * 512)
    with _map_errors():
        shown = {_thumbnail(content + filler + _END_OF_IMAGE) for filler in fillers}
    return len(shown) == 1


def _thumbnail(content: bytes) -> bytes:
    with _open(content) as image:
        _check_size(image)
        # Never at an eighth, which uses only the first coefficient of each block.
        image.draft(None, (max(960, image.width // 4), max(960, image.height // 4)))
        return image.tobytes()


@contextmanager
def _map_errors() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise BadContent(f"no readable image: {type(error).__name__}") from error


def _open(content: bytes) -> Image.Image:
    """Reads only the header; pixels are decoded later."""
    return Image.open(io.BytesIO(content), formats=_FORMATS)


def _check_size(image: Image.Image) -> None:
    most = MAX_PIXELS[image.format or "PNG"]
    if image.width * image.height > most:
        raise BadContent(
            f"the image has more than {most:,} pixels", fault=ImageFault.TOO_MANY_PIXELS
        )


def _upright_size(image: Image.Image) -> tuple[int, int]:
    is_turned = _orientation(image) in _QUARTER_TURNS
    return (image.height, image.width) if is_turned else image.size


def _orientation(image: Image.Image) -> int:
    """1, upright, if the tag has no such number or the metadata is malformed."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG)
    except _BROKEN:
        return 1
    return value if isinstance(value, int) and value in range(1, 9) else 1


def _prepare(image: Image.Image) -> Image.Image:
    """The pixels, cropped and scaled down before anything expensive is done to them."""
    profile = _usable_profile(image.info.get("icc_profile"))
    orientation = _orientation(image)
    # Decodes a large JPEG at a fraction of its size.
    shrink = max(1, _longest_cropped_side(image) / _MAX_SIDE_PIXELS)
    image.draft(None, (int(image.width / shrink), int(image.height / shrink)))
    prepared = _resize(_crop(_on_white(image)), _MAX_SIDE_PIXELS)
    # Otherwise a comment in it would be saved again.
    prepared.info = {"icc_profile": profile} if profile else {}
    prepared.getexif()[_ORIENTATION_TAG] = orientation
    ImageOps.exif_transpose(prepared, in_place=True)
    return prepared


def _usable_profile(profile: bytes | None) -> bytes | None:
    """The colour profile, or None if applying it could take too long."""
    if not profile or len(profile) > _MAX_PROFILE_BYTES:
        return None
    return None if _COSTLY_PROFILE_TYPE in profile else profile


def _on_white(image: Image.Image) -> Image.Image:
    """Opaque, with eight bits per band. Works in place, since this may be 256 MB."""
    if image.mode.startswith("I"):
        clear = image.info.get("transparency")
        shades = [255 if value == clear else value >> 8 for value in range(1 << 16)]
        narrow = image.convert("I").point(shades, "L")
        return narrow.convert("RGB")
    if image.has_transparency_data:
        shown = image if image.mode == "RGBA" else image.convert("RGBA")
        shown.paste("white", mask=ImageChops.invert(shown.getchannel("A")))
        shown.putalpha(255)
        return shown
    return image if image.mode in ("RGB", "CMYK") else image.convert("RGB")


def _longest_cropped_side(image: Image.Image) -> int:
    crop = crop_of(*image.size)
    return max((crop.width, crop.height) if crop else image.size)


def _crop(image: Image.Image) -> Image.Image:
    crop = crop_of(*image.size)
    if crop is None:
        return image
    return image.crop((crop.x, crop.y, crop.x + crop.width, crop.y + crop.height))


def _resize(image: Image.Image, longest: int) -> Image.Image:
    if max(image.size) <= longest:
        return image.copy()
    # Not `thumbnail`, whose rounding could exceed the ratio that cropping ensured.
    scale = longest / max(image.size)
    least = -(-longest // MAX_RATIO)
    size = [max(least, round(side * scale)) for side in image.size]
    # Band by band, because Pillow first copies an image with alpha as a whole.
    bands = [
        image.getchannel(band).resize((size[0], size[1]), Image.Resampling.LANCZOS)
        for band in ("RGB" if image.mode == "RGBA" else image.getbands())
    ]
    return Image.merge("RGB" if len(bands) == 3 else image.mode, bands)


def _to_srgb(image: Image.Image) -> Image.Image:
    """RGB in sRGB; a malformed profile is ignored."""
    profile = image.info.get("icc_profile")
    opaque = image.convert("RGB") if image.mode == "RGBA" else image
    converted = _apply_profile(opaque, profile) if profile else opaque
    return converted.convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image
    return converted or image


def _encode(image: Image.Image) -> tuple[bytes, tuple[int, int]]:
    """A JPEG of at most `MAX_JPEG_BYTES`, and its width and height."""
    while True:
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=quality)
            if buffer.tell() <= MAX_JPEG_BYTES:
                return buffer.getvalue(), image.size
        image = _resize(image, int(max(image.size) * _SHRINK_FACTOR))
