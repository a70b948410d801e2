"""Parsing requests for videos and uploads, field by field."""

import pytest
from jsonschema import Draft202012Validator

from shared.domain.catalogue import ANY_MODEL, Resolution
from shared.domain.errors import InvalidRequest
from shared.domain.job import Language
from shared.domain.refusals import describe_field
from shared.domain.request import (
    VIDEO_FIELDS,
    Frame,
    ImageSource,
    UploadRequest,
    VideoRequest,
)
from tests.domain.examples import a_body, a_request


def wrong_fields(body: dict[str, object]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        VideoRequest.parse(body)
    return sorted((error.field, error.reason) for error in caught.value.errors)


def test_a_missing_field_has_its_default() -> None:
    assert a_request() == VideoRequest(
        prompt="a cat",
        image_url="https://example.com/cat.jpg",
        image=None,
        duration_seconds=8,
        resolution=Resolution.P720,
        aspect_ratio=None,
        audio=None,
        model=ANY_MODEL,
        fallback=True,
        seed=None,
    )


VALID: dict[str, list[object]] = {
    "prompt": ["x", "x" * 2000],
    "image_url": ["https://example.com:8443/a.png?b=c"],
    "duration": [3, 10, 8.0],
    "resolution": ["720p", "1080p"],
    "aspect_ratio": ["16:9", "9:16", "21:9"],
    "audio": [True, False, None],
    "model": ["auto", "runway", "gemini-veo-3.1", "gemini-omni-flash"],
    "fallback": [True, False],
    "seed": [0, 4_294_967_295, None],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, one) for field, all in VALID.items() for one in all]
)
def test_a_valid_value_is_accepted(field: str, value: object) -> None:
    attribute = {"duration": "duration_seconds"}.get(field, field)

    assert getattr(a_request(**{field: value}), attribute) == value


WRONG: dict[tuple[str, str], list[object]] = {
    ("prompt", "not_a_string"): [None],
    ("prompt", "empty"): [""],
    ("prompt", "too_long"): ["x" * 2001],
    ("image_url", "not_a_string"): [5],
    ("image_url", "with_password"): ["https://ann@example.com/"],
    ("image_url", "not_public"): ["https://localhost/"],
    ("last_image_url", "not_public"): ["https://10.0.0.1/"],
    ("webhook_url", "not_public"): ["https://[::1]/"],
    ("duration", "not_a_whole_number"): [None, "8", True, 8.5],
    ("duration", "out_of_range"): [2, 11, float("nan"), float("inf")],
    ("resolution", "not_one_of"): [None, "4k"],
    ("resolution", "not_one_of_but"): ["1080", 720],
    ("aspect_ratio", "not_one_of"): ["5:4", None],
    ("audio", "not_true_or_false"): ["yes", 1],
    ("model", "not_one_of"): ["sora-2", None],
    ("model", "not_one_of_but"): ["runway-http"],
    ("fallback", "not_true_or_false"): [None, 0],
    ("seed", "out_of_range"): [-1, 4_294_967_296],
    ("seed", "not_a_whole_number"): [True, "7"],
    ("colour", "unknown_field"): ["red"],
    ("length", "unknown_field_but"): [8],
    ("user_id", "unknown_field"): ["bob"],
}


@pytest.mark.parametrize(
    ("field", "reason", "value"),
    [(*of, one) for of, all in WRONG.items() for one in all],
)
def test_a_wrong_value_is_reported_by_name(
    field: str, reason: str, value: object
) -> None:
    assert wrong_fields(a_body(**{field: value})) == [(field, reason)]


@pytest.mark.parametrize("value", ["a1_-", "x" * 128])
def test_an_upload_may_be_the_image(value: str) -> None:
    request = VideoRequest.parse({"prompt": "a cat", "image": value})

    assert (request.image, request.image_url) == (value, None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (5, "not_a_string"),
        ("", "not_an_identifier"),
        ("../bob/1", "not_an_identifier"),
        ("그림", "not_an_identifier"),
        ("x" * 129, "not_an_identifier"),
    ],
)
def test_an_invalid_upload_id_is_reported(value: object, reason: str) -> None:
    assert wrong_fields({"prompt": "a cat", "image": value}) == [("image", reason)]


URL = "https://example.com/a.png"


@pytest.mark.parametrize(
    ("images", "wrong"),
    [
        ({"image": "a1", "image_url": URL}, [("image", "one_image")]),
        ({"last_image": "a1"}, [("last_image", "needs_first")]),
        ({"last_image_url": URL}, [("last_image_url", "needs_first")]),
        (
            {"image": "a1", "last_image": "a2", "last_image_url": URL},
            [("last_image", "one_image")],
        ),
        ({"image": "a1", "last_image": "../x"}, [("last_image", "not_an_identifier")]),
        ({"image": "a1", "end_image": "a2"}, [("end_image", "unknown_field_but")]),
    ],
)
def test_contradicting_images_are_reported(
    images: dict[str, object], wrong: list[tuple[str, str]]
) -> None:
    assert wrong_fields({"prompt": "a cat", **images}) == wrong


@pytest.mark.parametrize("images", [{}, {"image": None, "image_url": None}])
def test_without_an_image_the_prompt_is_enough(images: dict[str, object]) -> None:
    request = VideoRequest.parse({"prompt": "a cat", **images})

    assert [request.source(frame) for frame in Frame] == [None, None]


def test_a_video_may_end_on_an_image() -> None:
    request = VideoRequest.parse(a_body(last_image="a2"))

    assert request.source(Frame.LAST) == ImageSource(upload="a2", url=None)


def test_all_wrong_fields_are_reported_at_once() -> None:
    body = {"duration": 99, "audio": "loud", "colour": "red", "model": 1}

    assert wrong_fields(body) == [
        ("audio", "not_true_or_false"),
        ("colour", "unknown_field"),
        ("duration", "out_of_range"),
        ("model", "not_one_of"),
        ("prompt", "required"),
    ]


@pytest.mark.parametrize(
    "content_type", ["image/jpeg", "image/png", "image/webp", "image/avif"]
)
def test_an_upload_request_has_a_type_and_an_exact_size(content_type: str) -> None:
    request = UploadRequest.parse({"content_type": content_type, "size": 16_000_000})

    assert (request.content_type, request.size_bytes) == (content_type, 16_000_000)


def test_image_jpg_is_read_as_image_jpeg() -> None:
    request = UploadRequest.parse({"content_type": "image/jpg", "size": 1})

    assert request.content_type == "image/jpeg"


@pytest.mark.parametrize("kind", ["image/heic", "image/heif"])
def test_a_heic_upload_is_refused_with_advice(kind: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        UploadRequest.parse({"content_type": kind, "size": 1})

    (error,) = caught.value.errors
    assert "Most Compatible" in describe_field(error, Language.ENGLISH)
    assert "높은 호환성" in describe_field(error, Language.KOREAN)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"content_type", "size"}),
        ({"content_type": "image/gif", "size": 1}, {"content_type"}),
        ({"content_type": "image/png", "size": 16_000_001}, {"size"}),
        ({"content_type": "image/png", "size": 0}, {"size"}),
        ({"content_type": "image/png", "size": 1, "name": "a"}, {"name"}),
    ],
)
def test_wrong_fields_of_an_upload_are_reported(
    body: dict[str, object], fields: set[str]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        UploadRequest.parse(body)

    assert {error.field for error in caught.value.errors} == fields


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {f"name{n}": "x" * 500 for n in range(16)},
        {"한" * 64: "", "_": "\n", " ": "🐈" * 500, "a.b/`c": "__d__"},
    ],
    ids=["none", "sixteen", "of any kind"],
)
def test_metadata_is_kept_as_it_is(metadata: dict[str, str]) -> None:
    schema = VIDEO_FIELDS["metadata"].spec.schema()

    Draft202012Validator(schema).validate(metadata)
    assert (a_request(metadata=metadata).metadata or {}) == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        {f"name{n}": "" for n in range(17)},
        {"x" * 65: ""},
        {"": ""},
        {"__name__": ""},
        {"a": "x" * 501},
        {"a": None},
        {"a": {"b": "c"}},
        ["a"],
    ],
)
def test_metadata_that_cannot_be_stored_is_refused(metadata: object) -> None:
    schema = VIDEO_FIELDS["metadata"].spec.schema()

    assert not Draft202012Validator(schema).is_valid(metadata)
    with pytest.raises(InvalidRequest) as caught:
        a_request(metadata=metadata)
    assert [error.field for error in caught.value.errors] == ["metadata"]


@pytest.mark.parametrize(
    ("name", "described"),
    [
        ("prompt", {"minLength": 1, "maxLength": 2000}),
        ("duration", {"minimum": 3, "maximum": 10}),
        ("resolution", {"enum": ["720p", "1080p"]}),
        ("image_url", {"format": "uri", "maxLength": 2048}),
        ("image", {"pattern": "^[A-Za-z0-9_-]{1,128}$"}),
        ("audio", {"type": "boolean"}),
        ("metadata", {"maxProperties": 16}),
    ],
)
def test_a_schema_states_the_limits(name: str, described: dict[str, object]) -> None:
    assert described.items() <= VIDEO_FIELDS[name].spec.schema().items()
