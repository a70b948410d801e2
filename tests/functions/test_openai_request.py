"""Translating requests of OpenAI's clients into ours."""

from base64 import b64encode, encodebytes
from typing import get_args

import pytest
from openai.types import VideoSize

from functions.openai.request import SIZES, InlineImage, read_request
from shared.domain.catalogue import ANY_MODEL, MODEL_CHOICES, AspectRatio, Resolution
from shared.domain.errors import InvalidRequest
from shared.domain.request import Frame, VideoRequest

URL = "https://example.com/cat.jpg"
JPEG = b"\xff\xd8\xff\xe0"
PNG = b"\x89PNG\r\n\x1a\n"
AVIF = b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif"
HEIC = b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heic"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "
P720, P1080 = Resolution.P720, Resolution.P1080
TALL, WIDE = AspectRatio.PORTRAIT, AspectRatio.LANDSCAPE


def read(**fields: object) -> tuple[VideoRequest, InlineImage | None]:
    return read_request({"prompt": "a cat", "input_reference": URL} | fields)


def parse(**fields: object) -> VideoRequest:
    request, _ = read(**fields)
    return request


def data_url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def wrong(**fields: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields)
    return [(error.field, error.reason) for error in caught.value.errors]


def test_a_missing_field_has_the_clients_default() -> None:
    request = parse()

    assert (request.duration_seconds, request.model) == (4, ANY_MODEL)
    assert request.fallback
    assert (request.resolution, request.aspect_ratio) == (P720, None)


def test_a_request_without_an_image_is_text_to_video() -> None:
    request, image = read_request({"prompt": "a cat"})

    assert [request.source(frame) for frame in Frame] == [None, None]
    assert image is None


@pytest.mark.parametrize(
    ("seconds", "made"),
    [("3", 3), ("4", 4), ("8", 8), ("10", 10), ("12", 10), ("20", 10), (8, 8)],
)
def test_a_duration_beyond_ours_becomes_our_longest(seconds: object, made: int) -> None:
    assert parse(seconds=seconds).duration_seconds == made


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        ("2", "out_of_range"),
        ("21", "out_of_range"),
        ("0", "out_of_range"),
        ("-8", "out_of_range"),
        pytest.param("9" * 5000, "out_of_range", id="long"),
        ("04", "not_a_whole_number"),
        ("8.5", "not_a_whole_number"),
        ("", "not_a_whole_number"),
        ("٤", "not_a_whole_number"),
        (2, "out_of_range"),
        (10**400, "out_of_range"),
        (True, "not_a_whole_number"),
        (None, "not_a_whole_number"),
        (["8"], "not_a_whole_number"),
    ],
)
def test_other_durations_are_refused(seconds: object, reason: str) -> None:
    assert wrong(seconds=seconds) == [("seconds", reason)]


@pytest.mark.parametrize("size", sorted({*SIZES, *get_args(VideoSize)}))
def test_a_size_becomes_a_resolution_and_a_ratio_of_the_same_orientation(
    size: str,
) -> None:
    width, height = map(int, size.split("x"))

    request = parse(size=size)

    assert min(width, height) <= {P720: 720, P1080: 1080}[request.resolution]
    assert request.aspect_ratio is (WIDE if width > height else TALL)


@pytest.mark.parametrize("size", ["1024x1024", "auto", "", "720X1280", 720, None])
def test_other_sizes_are_refused(size: object) -> None:
    ((field, reason),) = wrong(size=size)

    assert (field, reason.removesuffix("_but")) == ("size", "not_one_of")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        *((choice, choice) for choice in MODEL_CHOICES),
        ("sora-2", ANY_MODEL),
        ("sora-2-pro", ANY_MODEL),
        ("Runway", ANY_MODEL),
    ],
)
def test_an_unknown_model_means_auto(name: str, model: str) -> None:
    assert parse(model=name).model is model


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (JPEG, "image/jpeg"),
        (PNG, "image/png"),
        (WEBP, "image/webp"),
        (AVIF, "image/avif"),
    ],
)
def test_an_images_type_is_detected_from_its_bytes(content: bytes, kind: str) -> None:
    image = InlineImage(content=content, content_type=kind)

    mislabelled = {"image_url": data_url(content, "image/gif")}
    for reference in (content, mislabelled):
        request, found = read(input_reference=reference)
        assert (request.source(Frame.FIRST), found) == (None, image)


@pytest.mark.parametrize("head", ["data:image/png;base64", "DATA:IMAGE/PNG;BASE64"])
def test_lines_and_capitals_of_a_data_url_make_no_difference(head: str) -> None:
    url = f"{head},\t\f {encodebytes(PNG * 20).decode()}\r\n"

    _, image = read(input_reference=url)

    assert image == InlineImage(content=PNG * 20, content_type="image/png")


def test_a_data_url_may_lack_the_padding_of_its_base64() -> None:
    for content in (PNG, PNG + b"1", PNG + b"22"):
        _, image = read(input_reference=data_url(content, "image/png").rstrip("="))

        assert image == InlineImage(content=content, content_type="image/png")


@pytest.mark.parametrize("reference", [URL, {"image_url": URL}, URL.encode()])
def test_a_url_stays_a_url(reference: object) -> None:
    request, image = read(input_reference=reference)

    assert (request.image_url, request.image, image) == (URL, None, None)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (b"", "empty_file"),
        (b"GIF89a", "not_one_of"),
        (b"RIFF\x00\x00\x00\x00WAVE", "not_one_of"),
        (data_url(b"<svg/>", "image/svg+xml"), "not_one_of"),
        ("data:image/png;base64,%%%", "not_base64"),
        ("data:image/png;base64,iVBOR", "not_base64"),
        ("data:image/png;base64,!" + b64encode(PNG).decode(), "not_base64"),
        ("data:image/png," + b64encode(PNG).decode(), "not_base64"),
        ("data:", "not_base64"),
        (HEIC, "heic"),
        ("http://example.com/a.jpg", "not_https"),
        ({"image_url": "file:///etc/passwd"}, "not_https"),
        ("https://127.0.0.1/a.jpg", "not_public"),
        ({"image_url": 3}, "not_an_image"),
        ({"image_url": URL, "file_id": "file-1"}, "no_file_id"),
        ({"file_id": "file-1"}, "no_file_id"),
        ({}, "not_an_image"),
        (None, "not_an_image"),
        ([URL], "not_an_image"),
    ],
)
def test_a_reference_that_is_no_image_is_refused(
    reference: object, reason: str
) -> None:
    assert wrong(input_reference=reference) == [("input_reference", reason)]


def test_every_wrong_field_is_reported() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"size": "1x1", "n": 2, "style": "noir"})

    named = {(error.field, error.reason) for error in caught.value.errors}
    assert named == {
        ("n", "one_video"),
        ("style", "unknown_field"),
        ("prompt", "required"),
        ("size", "not_one_of"),
    }
