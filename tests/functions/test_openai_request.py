"""What OpenAI's clients ask for, in our words."""

from base64 import b64encode

import pytest

from functions.openai.request import InlineImage, OpenAIRequest
from shared.domain.catalogue import ANY_MODEL, MODEL_CHOICES, AspectRatio, Resolution
from shared.domain.errors import InvalidRequest
from shared.domain.request import Frame

URL = "https://example.com/cat.jpg"
JPEG = b"\xff\xd8\xff\xe0"
PNG = b"\x89PNG\r\n\x1a\n"
AVIF = b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif"
HEIC = b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heic"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "
P720, P1080 = Resolution.P720, Resolution.P1080
TALL, WIDE = AspectRatio.PORTRAIT, AspectRatio.LANDSCAPE


def parse(**fields: object) -> OpenAIRequest:
    return OpenAIRequest.parse({"prompt": "a cat", "input_reference": URL} | fields)


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def wrong(**fields: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        parse(**fields)
    return [(error.field, error.reason) for error in caught.value.errors]


def test_what_is_not_said_is_as_in_the_client() -> None:
    asked = parse()

    assert (asked.duration_seconds, asked.model) == (4, ANY_MODEL)
    assert (asked.resolution, asked.aspect_ratio) == (P720, None)


def test_without_an_image_it_is_text_to_video() -> None:
    request = OpenAIRequest.parse({"prompt": "a cat"}).video_request(None)

    assert [request.source(frame) for frame in Frame] == [None, None]


@pytest.mark.parametrize(
    ("seconds", "made"),
    [("3", 3), ("4", 4), ("8", 8), ("10", 10), ("12", 10), ("20", 10), (8, 8)],
)
def test_seconds_beyond_ours_are_our_longest(seconds: object, made: int) -> None:
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
def test_other_seconds_are_wrong(seconds: object, reason: str) -> None:
    assert wrong(seconds=seconds) == [("seconds", reason)]


@pytest.mark.parametrize(
    ("size", "resolution", "aspect_ratio"),
    [
        ("720x1280", P720, TALL),
        ("1280x720", P720, WIDE),
        ("1024x1792", P1080, TALL),
        ("1792x1024", P1080, WIDE),
        ("1080x1920", P1080, TALL),
        ("1920x1080", P1080, WIDE),
    ],
)
def test_a_size_is_made_no_smaller(
    size: str, resolution: Resolution, aspect_ratio: AspectRatio
) -> None:
    asked = parse(size=size)

    assert (asked.resolution, asked.aspect_ratio) == (resolution, aspect_ratio)


@pytest.mark.parametrize("size", ["1024x1024", "auto", "", "720X1280", 720, None])
def test_other_sizes_are_wrong(size: object) -> None:
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
def test_a_model_that_is_not_ours_means_auto(name: str, model: str) -> None:
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
def test_a_images_type_is_what_its_bytes_say(content: bytes, kind: str) -> None:
    image = InlineImage(content=content, content_type=kind)

    assert parse(input_reference=content).reference == image
    told_otherwise = {"image_url": data_url(content, "image/gif")}
    assert parse(input_reference=told_otherwise).reference == image


@pytest.mark.parametrize("reference", [URL, {"image_url": URL}])
def test_an_address_stays_one(reference: object) -> None:
    request = parse(input_reference=reference).video_request(None)

    assert (request.image_url, request.image) == (URL, None)


def test_a_kept_image_is_named() -> None:
    request = parse(input_reference=JPEG).video_request("a1")

    assert (request.image_url, request.image) == (None, "a1")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (b"", "empty_file"),
        (b"GIF89a", "not_one_of"),
        (b"RIFF\x00\x00\x00\x00WAVE", "not_one_of"),
        (data_url(b"<svg/>", "image/svg+xml"), "not_one_of"),
        ("data:image/png;base64,%%%", "not_one_of"),
        ("data:image/png,plain", "not_one_of"),
        ("data:", "not_one_of"),
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
def test_what_is_no_image_is_wrong(reference: object, reason: str) -> None:
    assert wrong(input_reference=reference) == [("input_reference", reason)]


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        OpenAIRequest.parse({"size": "1x1", "n": 2, "style": "noir"})

    named = {(error.field, error.reason) for error in caught.value.errors}
    assert named == {
        ("n", "one_video"),
        ("style", "unknown_field"),
        ("prompt", "required"),
        ("size", "not_one_of"),
    }
