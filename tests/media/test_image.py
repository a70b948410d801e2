"""Which images are accepted, and how they are converted."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from shared.domain.errors import BadContent, ImageFault
from shared.media import image as image_module
from shared.media.decoder import ChildImageCheck
from shared.media.image import MAX_JPEG_BYTES, to_jpeg
from shared.ports.storage import Jpeg

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def photo(
    width: int = 60, height: int = 40, *, mode: str = "RGB", color: Any = RED
) -> Image.Image:
    return Image.new(mode, (width, height), color)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def shown(jpeg: Jpeg) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg.content))
    assert image.format == "JPEG"
    assert image.mode == "RGB"
    assert image.size == (jpeg.width, jpeg.height)
    return image


def is_about(seen: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(seen, wanted, strict=True))


def noise(width: int, height: int) -> Image.Image:
    size = width * height * 3
    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(size))


def images_of_modes() -> list[Any]:
    half = photo(mode="RGBA", color=(*RED, 128))
    palette = photo().convert("P")
    clear = photo(mode="P", color=0)
    print_red = photo(mode="CMYK", color=(0, 255, 255, 0))
    return [
        pytest.param(photo(mode="L", color=128), {}, (128, 128, 128), id="grey"),
        pytest.param(photo(mode="1", color=1), {}, (255, 255, 255), id="bits"),
        pytest.param(palette, {}, RED, id="palette"),
        pytest.param(clear, {"transparency": 0}, (255, 255, 255), id="clear palette"),
        pytest.param(half, {}, (255, 127, 127), id="half transparent"),
        pytest.param(
            photo(mode="LA", color=(0, 0)), {}, (255, 255, 255), id="clear grey"
        ),
        pytest.param(
            photo(), {"transparency": RED}, (255, 255, 255), id="a clear colour"
        ),
        pytest.param(
            photo(mode="I;16", color=99),
            {"transparency": 99},
            (255, 255, 255),
            id="a clear grey of 16 bits",
        ),
        pytest.param(print_red, {"kind": "JPEG", "quality": 95}, RED, id="print"),
    ]


@pytest.mark.parametrize(("image", "options", "color"), images_of_modes())
def test_an_image_of_any_mode_is_converted_on_white(
    image: Image.Image, options: dict[str, Any], color: tuple[int, int, int]
) -> None:
    jpeg = to_jpeg(encoded(image, **options))

    assert is_about(shown(jpeg).getpixel((30, 20)), color)


def test_a_large_image_with_alpha_is_scaled_down_on_white() -> None:
    image = photo(4000, 2000, mode="RGBA", color=(*BLUE, 0))

    jpeg = to_jpeg(encoded(image, compress_level=1))

    assert (jpeg.width, jpeg.height) == (3840, 1920)
    assert is_about(shown(jpeg).getpixel((9, 9)), (255, 255, 255))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (5, 5)), (3, (54, 34)), (6, (34, 5)), (8, (5, 54))]
)
def test_an_image_is_turned_upright(
    kind: str, orientation: int, corner: tuple[int, int]
) -> None:
    image = photo(color=BLUE)
    image.paste(RED, (0, 0, 12, 12))
    exif = Image.Exif()
    exif[0x0112] = orientation

    jpeg = to_jpeg(encoded(image, kind, exif=exif))

    assert is_about(shown(jpeg).getpixel(corner), RED)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(3, b"\0\0\0\0", id="0"),
        pytest.param(3, b"\0\x63\0\0", id="99"),
        pytest.param(2, b"top\0", id="a text"),
        pytest.param(7, b"\x06\0\0\0", id="a byte of no type"),
        pytest.param(11, b"@\xc0\0\0", id="6.0"),
    ],
)
def test_an_orientation_that_means_nothing_is_ignored(kind: int, value: bytes) -> None:
    entry = struct.pack(">HHI4s", 0x0112, kind, 4 if kind == 2 else 1, value)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)

    jpeg = to_jpeg(encoded(photo(), "JPEG", exif=exif))

    assert (jpeg.width, jpeg.height) == (60, 40)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_malformed_metadata_is_ignored(kind: str) -> None:
    content = encoded(photo(), kind, exif=b"Exif\0\0MM garbage")

    assert is_about(shown(to_jpeg(content)).getpixel((30, 20)), RED)


def test_no_metadata_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "SECRET", 6
    content = encoded(photo(), "JPEG", exif=exif, comment=b"SECRET", dpi=(1, 2))

    jpeg = to_jpeg(content)

    assert b"SECRET" in content
    assert b"SECRET" not in jpeg.content
    assert b"Exif" not in jpeg.content
    assert "comment" not in shown(jpeg).info


def test_colours_of_another_profile_are_converted() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    green = photo(color=GREEN)

    for profile in (srgb, lab, b"no profile"):
        jpeg = to_jpeg(encoded(green, icc_profile=profile))

        assert is_about(shown(jpeg).getpixel((30, 20)), GREEN)
        assert "icc_profile" not in shown(jpeg).info


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param((400, 100), (200, 100), id="too wide"),
        pytest.param((100, 401), (100, 200), id="too tall"),
        pytest.param((200, 100), (200, 100), id="just as wide"),
        pytest.param((100, 200), (100, 200), id="just as tall"),
        pytest.param((201, 100), (200, 100), id="a pixel too wide"),
        pytest.param((1, 1), (1, 1), id="one pixel"),
        pytest.param((9, 1), (2, 1), id="a line"),
        pytest.param((7681, 3841), (3840, 1920), id="large"),
        pytest.param((3000, 6001), (1920, 3840), id="large and tall"),
        pytest.param((8064, 6048), (3840, 2880), id="a 48-megapixel photo"),
        pytest.param((20_000, 5000), (3840, 1920), id="a panorama"),
    ],
)
def test_an_image_gets_a_size_that_every_provider_accepts(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    jpeg = to_jpeg(encoded(photo(*size), "JPEG"))

    assert (jpeg.width, jpeg.height) == expected
    assert (jpeg.source_width, jpeg.source_height) == size
    assert shown(jpeg).size == expected


def test_a_turned_photos_source_size_is_the_upright_one() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    jpeg = to_jpeg(encoded(photo(300, 100), "JPEG", exif=exif))

    assert (jpeg.source_width, jpeg.source_height) == (100, 300)
    assert (jpeg.width, jpeg.height) == (100, 200)


def test_a_jpeg_of_200_megapixels_is_decoded_within_the_childs_limits() -> None:
    content = encoded(photo(16_320, 12_240, mode="L", color=128), "JPEG")

    jpeg = ChildImageCheck().to_jpeg(content)

    assert (jpeg.source_width, jpeg.source_height) == (16_320, 12_240)
    assert jpeg.width / jpeg.height == pytest.approx(4 / 3, rel=0.001)


def test_an_image_is_cropped_to_its_middle() -> None:
    image = photo(400, 100, color=BLUE)
    image.paste(RED, (110, 0, 290, 100))

    jpeg = to_jpeg(encoded(image))

    assert is_about(shown(jpeg).getpixel((20, 50)), RED)
    assert is_about(shown(jpeg).getpixel((180, 50)), RED)
    assert is_about(shown(jpeg).getpixel((2, 50)), BLUE)


def test_a_detailed_image_still_fits() -> None:
    content = encoded(noise(2300, 2300), "JPEG", quality=95)

    jpeg = to_jpeg(content)

    assert len(content) > MAX_JPEG_BYTES
    assert len(jpeg.content) <= MAX_JPEG_BYTES
    assert jpeg.width == jpeg.height


def test_if_lower_quality_is_not_enough_the_image_gets_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_module, "MAX_JPEG_BYTES", 20_000)

    jpeg = to_jpeg(encoded(noise(400, 200)))

    assert len(jpeg.content) <= 20_000
    assert 1 <= jpeg.width / jpeg.height <= 2
    assert jpeg.width < 400


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_the_first_frame_of_an_animation_is_used(kind: str) -> None:
    later = [photo(color=BLUE), photo(color=GREEN)]
    content = encoded(photo(), kind, save_all=True, append_images=later)

    jpeg = to_jpeg(content)

    assert is_about(shown(jpeg).getpixel((30, 20)), RED)


def test_images_of_16_bits_keep_their_shades() -> None:
    row = b"\x00\x40" * 30 + b"\xff\xff" * 30
    image = Image.frombytes("I;16", (60, 40), row * 40)

    seen = shown(to_jpeg(encoded(image)))

    assert is_about(seen.getpixel((10, 20)), (64, 64, 64))
    assert is_about(seen.getpixel((50, 20)), (255, 255, 255))


def test_data_after_the_image_is_not_kept() -> None:
    content = encoded(photo(), "JPEG") + b"<html>SECRET</html>"

    assert b"SECRET" not in to_jpeg(content).content


def cut(kind: str, share: float) -> bytes:
    content = encoded(noise(200, 200), kind)
    return content[: int(len(content) * share)]


def timeless_film() -> bytes:
    """An animated AVIF whose seconds have no parts."""
    content = bytearray(
        encoded(photo(), "AVIF", save_all=True, append_images=[photo()])
    )
    parts = content.index(b"mdhd") + 24
    content[parts : parts + 4] = bytes(4)
    return bytes(content)


def huge_png(width: int, height: int) -> bytes:
    """A header that announces a huge image, and a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: b"<!DOCTYPE html><html></html>", id="HTML"),
        pytest.param(lambda: b"\xff\xd8\xff\xe0" + b"x" * 500, id="head of a JPEG"),
        pytest.param(lambda: b"\x89PNG\r\n\x1a\n" + b"x" * 500, id="head of a PNG"),
        pytest.param(lambda: encoded(photo(), "GIF"), id="GIF"),
        pytest.param(lambda: encoded(photo(), "BMP"), id="BMP"),
        pytest.param(lambda: encoded(photo(), "TIFF"), id="TIFF"),
        pytest.param(lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="SVG"),
        pytest.param(lambda: cut("JPEG", 0.5), id="half a JPEG"),
        pytest.param(lambda: cut("PNG", 0.5), id="half a PNG"),
        pytest.param(lambda: cut("WEBP", 0.5), id="half a WebP"),
        pytest.param(lambda: cut("JPEG", 0.97), id="most of a JPEG"),
        pytest.param(lambda: cut("PNG", 0.97), id="most of a PNG"),
        pytest.param(lambda: cut("WEBP", 0.97), id="most of a WebP"),
        pytest.param(lambda: cut("AVIF", 0.5), id="half an AVIF"),
        pytest.param(timeless_film, id="an AVIF without a unit of time"),
        pytest.param(lambda: huge_png(1000, 1000), id="fewer pixels than promised"),
        pytest.param(lambda: huge_png(10_000, 10_000), id="a small bomb"),
        pytest.param(lambda: huge_png(30_000, 30_000), id="a bomb"),
        pytest.param(lambda: huge_png(60_000, 60_000), id="a larger bomb"),
        pytest.param(lambda: b"x" * 16_000_001, id="too many bytes"),
    ],
)
def test_a_file_that_is_no_image_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(BadContent):
        to_jpeg(make())


@pytest.mark.parametrize(
    ("kind", "side", "quickly"),
    [
        ("PNG", 6400, {"compress_level": 1}),
        ("WEBP", 6400, {"method": 0}),
        ("AVIF", 6400, {"speed": 10}),
        ("JPEG", 14_200, {}),
    ],
)
def test_each_format_has_its_own_limit_of_pixels(
    kind: str, side: int, quickly: dict[str, int]
) -> None:
    with pytest.raises(BadContent) as refused:
        to_jpeg(encoded(photo(side, side, mode="L", color=0), kind, **quickly))

    assert refused.value.fault is ImageFault.TOO_MANY_PIXELS


def test_a_jpeg_that_lacks_pixels_is_refused_whatever_its_end() -> None:
    content = encoded(noise(60, 40), "JPEG", progressive=True)

    for length in range(len(content) - 200, len(content) - 8, 16):
        with pytest.raises(BadContent):
            to_jpeg(content[:length])


END, ZEROS = b"\xff\xd9", bytes(4096)


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize(
    "filled_with", [END, ZEROS, END + ZEROS], ids=["end", "zeros", "both"]
)
def test_a_truncated_jpeg_with_padding_is_refused(
    share: float, filled_with: bytes
) -> None:
    content = encoded(noise(60, 40), "JPEG")

    with pytest.raises(BadContent):
        to_jpeg(content[: int(len(content) * share)] + filled_with)


@pytest.mark.parametrize(
    "end",
    [END, END + ZEROS, ZEROS, b"", END[:1]],
    ids=["end", "both", "zeros", "no end", "half an end"],
)
def test_a_whole_jpeg_may_have_padding_or_lack_its_end(end: bytes) -> None:
    content = encoded(noise(60, 40), "JPEG").removesuffix(END)

    assert shown(to_jpeg(content + end)).size == (60, 40)


def test_a_whole_jpegs_last_zero_is_no_padding() -> None:
    content = encoded(noise(45, 40), "JPEG", quality=90).removesuffix(END)
    assert content.endswith(b"\xff\0")

    assert shown(to_jpeg(content + ZEROS)).size == (45, 40)


def test_a_whole_jpeg_may_end_in_grey() -> None:
    image = noise(60, 40)
    image.paste((128, 128, 128), (0, 20, 60, 40))

    assert shown(to_jpeg(encoded(image, "JPEG"))).size == (60, 40)


@pytest.mark.parametrize("progressive", [True, False])
def test_a_large_jpeg_that_lacks_pixels_is_refused(*, progressive: bool) -> None:
    large = noise(400, 300).resize((8064, 6048))
    content = encoded(large, "JPEG", quality=50, progressive=progressive)

    for share in (0.5, 0.99):
        with pytest.raises(BadContent):
            to_jpeg(content[: int(len(content) * share)])
    assert to_jpeg(content[:-2]).width == 3840


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_heic_is_refused_by_its_name(brand: bytes) -> None:
    box = b"ftyp" + brand + bytes(4) + b"mif1heic"
    content = (len(box) + 4).to_bytes(4) + box + bytes(500)

    with pytest.raises(BadContent) as refused:
        ChildImageCheck().to_jpeg(content)

    assert refused.value.fault is ImageFault.HEIC


def display_p3() -> bytes:
    """A profile with Display P3's primaries, adapted to D50, and sRGB's curve."""

    def fixed(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)

    curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0)
    curve += fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 3) + b"P3\0" + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249),
        b"rXYZ": b"XYZ " + bytes(4) + fixed(0.51512, 0.24120, -0.00105),
        b"gXYZ": b"XYZ " + bytes(4) + fixed(0.29198, 0.69225, 0.04189),
        b"bXYZ": b"XYZ " + bytes(4) + fixed(0.15710, 0.06657, 0.78407),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, content = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    head = struct.pack(
        ">I4xI4s4s4s", start + len(content), 0x02400000, b"mntr", *(b"RGB ", b"XYZ ")
    )
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + table + content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(
    ("in_p3", "in_srgb"),
    [
        # By CSS Color 4's matrices.
        ((200, 100, 50), (215, 93, 31)),
        ((60, 140, 90), (0, 142, 85)),
        ((128, 128, 128), (128, 128, 128)),
        ((255, 0, 0), (255, 0, 0)),
    ],
)
def test_a_wide_gamut_photo_keeps_its_colours(
    kind: str, in_p3: tuple[int, int, int], in_srgb: tuple[int, int, int]
) -> None:
    content = encoded(photo(color=in_p3), kind, icc_profile=display_p3())

    assert is_about(shown(to_jpeg(content)).getpixel((30, 20)), in_srgb)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_a_large_colour_profile_is_accepted(kind: str) -> None:
    # A display's calibration has a megabyte; Pillow ignores what it can't read.
    profile = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    content = encoded(photo(), kind, icc_profile=profile + bytes(1_200_000))

    assert is_about(shown(to_jpeg(content)).getpixel((30, 20)), RED)


def test_a_long_text_in_a_png_is_accepted() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * 3_000_000, zip=True)

    assert to_jpeg(encoded(photo(), pnginfo=text)).width == 60


def test_a_wrong_checksum_matters_only_in_a_part_that_a_png_needs() -> None:
    """As in browsers: https://github.com/python-pillow/Pillow/pull/1991."""
    png, checksum_of_head = encoded(photo()), slice(29, 33)
    text = b"\0\0\0\x03tEXta\0b" + b"none"

    jpeg = to_jpeg(png[: checksum_of_head.stop] + text + png[checksum_of_head.stop :])

    assert is_about(shown(jpeg).getpixel((30, 20)), RED)
    with pytest.raises(BadContent):
        to_jpeg(png.replace(png[checksum_of_head], b"none", 1))


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x01", id="a marker without a length"),
        pytest.param(b"\xff\x02\xfe\xfe", id="a marker that no JPEG has"),
        pytest.param(b"\xff\xef\x00\x04\xff\xd9", id="an end that isn't one"),
    ],
)
def test_a_jpeg_of_many_scans_is_refused(between: bytes) -> None:
    content = encoded(photo(), "JPEG", progressive=True)
    start = content.index(b"\xff\xda")
    scan = content[start : content.index(b"\xff\xda", start + 2)]
    many = scan + between + scan * 100

    with pytest.raises(BadContent, match="scans"):
        to_jpeg(content[:start] + many + content[start:])


@pytest.mark.parametrize("part", ["metadata", "video of a motion photo"])
def test_only_scans_of_the_image_itself_are_counted(part: str) -> None:
    others = bytes(2) + b"\xff\xda\0\x02" * 200
    in_metadata = part == "metadata"
    content = encoded(photo(), "JPEG", exif=others if in_metadata else b"")

    assert to_jpeg(content if in_metadata else content + others).width == 60


def test_a_profile_that_would_take_minutes_is_ignored() -> None:
    profile = bytes(128) + b"mpet" + bytes(100)

    jpeg = to_jpeg(encoded(photo(), "JPEG", icc_profile=profile))

    assert is_about(shown(jpeg).getpixel((30, 20)), RED)
