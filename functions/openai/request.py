"""Parses OpenAI's request for a video and converts it into our own.

The shapes are those of the `openai` client 3.54, types/video_create_params.py.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from flask import Request
from msgspec import Struct

from functions.http.bodies import read_object
from functions.http.forms import read_form
from functions.http.receiving import LARGE_BODY_BYTES
from shared.domain.catalogue import ANY_MODEL, MODEL_CHOICES, AspectRatio, Resolution
from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.fields import Field, read_fields
from shared.domain.https_address import HttpsAddress
from shared.domain.image_type import image_type
from shared.domain.request import VIDEO_FIELDS, ClientRetry, VideoRequest
from shared.domain.specs import Choice, ImageType, Text, Whole, Wrong
from shared.domain.structs import PartialRepr

MAX_SECONDS = 10
# 20 is the most that OpenAI's client names, so a larger number is an error.
_ACCEPTED_SECONDS = Whole(minimum=3, maximum=20)
_SECONDS_TEXTS = tuple(
    str(n) for n in range(_ACCEPTED_SECONDS.minimum, _ACCEPTED_SECONDS.maximum + 1)
)
_WHOLE = re.compile("-?(0|[1-9][0-9]*)")

_WHITE_SPACE = b"\t\n\f\r "
_DATA_ADDRESS = "^data:image/(jpeg|jpg|png|webp|avif);base64,[A-Za-z0-9+/]+={0,2}$"
REFERENCE = "input_reference"
_NESTED = f"{REFERENCE}["

# What we make for a size: the nearest of our own that is not smaller, in the same
# orientation.
SIZES: Mapping[str, tuple[Resolution, AspectRatio]] = {
    "720x1280": (Resolution.P720, AspectRatio.PORTRAIT),
    "1280x720": (Resolution.P720, AspectRatio.LANDSCAPE),
    "1024x1792": (Resolution.P1080, AspectRatio.PORTRAIT),
    "1792x1024": (Resolution.P1080, AspectRatio.LANDSCAPE),
    "1080x1920": (Resolution.P1080, AspectRatio.PORTRAIT),
    "1920x1080": (Resolution.P1080, AspectRatio.LANDSCAPE),
}


class InlineImage(PartialRepr, frozen=True, kw_only=True):
    """An image sent inside the request. Its first bytes determine its type."""

    hidden_fields = ("content",)

    content: bytes
    content_type: str


Reference = str | InlineImage
"""The image: an https URL, or the image itself."""


class Seconds(Struct, frozen=True, kw_only=True):
    """3 to 20, as a string (as the client sends it) or a number; capped at 10."""

    def parse(self, value: object) -> int:
        match value:
            case str() if value in _SECONDS_TEXTS:
                value = int(value)
            case str() if _WHOLE.fullmatch(value):
                least, most = _ACCEPTED_SECONDS.minimum, _ACCEPTED_SECONDS.maximum
                raise Wrong("out_of_range", least, most)
        return min(_ACCEPTED_SECONDS.parse(value), MAX_SECONDS)

    def schema(self) -> dict[str, object]:
        texts = {"title": "OpenAISeconds", "type": "string", "enum": [*_SECONDS_TEXTS]}
        return {"anyOf": [{"$ref": texts}, _ACCEPTED_SECONDS.schema()]}


class Single(Struct, frozen=True, kw_only=True):
    """1, as a number or, in a form, as a string."""

    def parse(self, value: object) -> int:
        if value not in (1, "1") or isinstance(value, bool):
            raise Wrong("one_video")
        return 1

    def schema(self) -> dict[str, object]:
        return Whole(minimum=1, maximum=1).schema()


class InputReference(Struct, frozen=True, kw_only=True):
    """A file's bytes, or an https: or data: URL, either alone or as `image_url`."""

    def parse(self, value: object) -> Reference:
        if isinstance(value, Mapping) and value.keys() == {"image_url"}:
            value = value["image_url"]
        match value:
            case b"":
                raise Wrong("empty_file")
            case bytes() if value.startswith(b"https://"):
                # LiteLLM sends a URL as the content of a file.
                return HttpsAddress().parse(value.decode(errors="replace"))
            case bytes():
                return _image(value)
            case str() if value[:5].lower() == "data:":
                return _image(_decoded(value))
            case str():
                return HttpsAddress().parse(value)
            case Mapping() if "file_id" in value:
                raise Wrong("no_file_id")
            case _:
                raise Wrong("not_an_image")

    def schema(self) -> dict[str, object]:
        data = {"type": "string", "pattern": _DATA_ADDRESS}
        address = {"anyOf": [HttpsAddress().schema(), data]}
        described = {"description": "The image's https:// or base64 data: URL."}
        named = {
            "title": "OpenAIImageUrl",
            "type": "object",
            **described,
            "required": ["image_url"],
            "properties": {"image_url": address | described},
            "additionalProperties": False,
        }
        return {"anyOf": [address, {"$ref": named}]}


CREATE_FIELDS: Mapping[str, Field] = {
    "prompt": VIDEO_FIELDS["prompt"],
    REFERENCE: Field(
        spec=InputReference(),
        description="The image to use as the first frame: a JPEG, PNG, WebP or AVIF "
        "file of at most 16 MB and at least 128 pixels a side, or its https:// or "
        "base64 data: URL. `file_id` is not supported. Without it, the video is made "
        "from the prompt alone.",
        example={"image_url": "https://example.com/raccoon.jpg"},
        form_schema={"type": "string", "format": "binary", "examples": ["raccoon.jpg"]},
        synonyms=("image", "image_url"),
    ),
    "model": Field(
        spec=Text(max_units=100),
        default=ANY_MODEL,
        description="A provider to ask first, or `auto`. Any other name, such as "
        "`sora-2`, means `auto`.",
    ),
    "seconds": Field(
        spec=Seconds(),
        default=4,
        description="The length of the video. More than 10 means 10.",
        example="8",
        synonyms=("duration",),
    ),
    "size": Field(
        spec=Choice(values=tuple(SIZES), title="OpenAISize"),
        description="Made as 720p or 1080p, never smaller; answers have the actual "
        "size. Without it, 720p in the shape nearest to the image's own.",
        example="1280x720",
    ),
    "n": Field(
        spec=Single(), default=1, description="How many videos: one for each request."
    ),
    "user": Field(
        spec=Text(max_units=500),
        description="Your name for your own user. It is accepted and not stored.",
        example="user-17",
    ),
}


def read_request(body: Mapping[str, object]) -> tuple[VideoRequest, InlineImage | None]:
    """Our own request, and an image that was sent inside this one and has no name yet.

    InvalidRequest lists every invalid field.
    """
    values = read_fields(CREATE_FIELDS, body)
    size, reference = values["size"], values[REFERENCE]
    resolution, aspect_ratio = SIZES[size] if size else (Resolution.P720, None)
    request = VideoRequest(
        prompt=values["prompt"],
        image_url=reference if isinstance(reference, str) else None,
        image=None,
        duration_seconds=values["seconds"],
        resolution=resolution,
        aspect_ratio=aspect_ratio,
        audio=None,
        model=_model(values["model"]),
        fallback=True,
        seed=None,
    )
    return request, reference if isinstance(reference, InlineImage) else None


def _model(name: str) -> str:
    """One of our names; any other, such as `sora-2`, means the configured chain."""
    return name if name in MODEL_CHOICES else ANY_MODEL


def _decoded(address: str) -> bytes:
    """The content of a base64 data: URL (RFC 2397); Wrong if it is malformed.

    White space in it is ignored, and padding is optional, as in browsers: many encoders
    break lines.
    """
    head, _, encoded = address.partition(",")
    try:
        if not head.lower().endswith(";base64"):
            raise ValueError("not base64")
        content = encoded.encode("ascii").translate(None, _WHITE_SPACE)
        return b64decode(content + b"=" * (-len(content) % 4), validate=True)
    except ValueError:
        raise Wrong("not_base64") from None


def _image(content: bytes) -> InlineImage:
    """Ignores the type that was sent: clients send a file's bytes as octet-stream."""
    kind = image_type(content)
    return InlineImage(content=content, content_type=ImageType().parse(kind))


def read_body(request: Request) -> Mapping[str, Any]:
    """The fields of a form or of a JSON object; a file is its bytes."""
    if request.mimetype == "multipart/form-data":
        return _nested(read_form(request))
    return read_object(request, max_bytes=LARGE_BODY_BYTES)


def read_client_retry(request: Request) -> ClientRetry:
    """AGAIN if the client marks this as a retry, otherwise FIRST.

    A client that doesn't send the header with a first request may still send it with a
    retry, so its absence never means ONCE.
    """
    count = request.headers.get("x-stainless-retry-count", "")
    is_number = count.isascii() and count.isdigit()
    return ClientRetry.AGAIN if is_number and count.strip("0") else ClientRetry.FIRST


def _nested(form: Mapping[str, str | bytes]) -> Mapping[str, Any]:
    """Restores the object that the client flattens to `input_reference[image_url]`.

    InvalidRequest if there is another image beside it.
    """
    inner = {
        name.removeprefix(_NESTED).removesuffix("]"): content
        for name, content in form.items()
        if name.startswith(_NESTED)
    }
    rest = {n: content for n, content in form.items() if not n.startswith(_NESTED)}
    if inner and REFERENCE in rest:
        raise InvalidRequest((FieldError(field=REFERENCE, reason="given_twice"),))
    return rest | ({REFERENCE: inner} if inner else {})
