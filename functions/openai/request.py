"""OpenAI's request for a video, read into ours: its body, sizes, seconds and image.

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
from shared.domain.errors import InvalidRequest
from shared.domain.fields import Field, read_fields
from shared.domain.image_type import image_type
from shared.domain.request import VIDEO_FIELDS, ClientRetry, VideoRequest
from shared.domain.specs import Choice, HttpsAddress, ImageType, Text, Whole, Wrong
from shared.domain.structs import Unprinted

MOST_SECONDS = 10
# The longest that OpenAI's client names: more is a mistake, not a wish.
_ASKED = Whole(least=3, most=20)
_SECONDS_TEXTS = tuple(str(n) for n in range(_ASKED.least, _ASKED.most + 1))
_WHOLE = re.compile("-?(0|[1-9][0-9]*)")

_DATA_ADDRESS = "^data:image/(jpeg|jpg|png|webp|avif);base64,[A-Za-z0-9+/]+={0,2}$"
REFERENCE = "input_reference"
_INSIDE = f"{REFERENCE}["

# What we make for a size: the nearest that is not smaller, turned the same way.
SIZES: Mapping[str, tuple[Resolution, AspectRatio]] = {
    "720x1280": (Resolution.P720, AspectRatio.PORTRAIT),
    "1280x720": (Resolution.P720, AspectRatio.LANDSCAPE),
    "1024x1792": (Resolution.P1080, AspectRatio.PORTRAIT),
    "1792x1024": (Resolution.P1080, AspectRatio.LANDSCAPE),
    "1080x1920": (Resolution.P1080, AspectRatio.PORTRAIT),
    "1920x1080": (Resolution.P1080, AspectRatio.LANDSCAPE),
}


class InlineImage(Unprinted, frozen=True, kw_only=True):
    """An image out of the request itself; its type is what its first bytes say."""

    unprinted = ("content",)

    content: bytes
    content_type: str


Reference = str | InlineImage
"""The image: its https address, or itself."""


class Seconds(Struct, frozen=True, kw_only=True):
    """A text (so the client) or a number, 3 to 20; more than 10 means 10."""

    def parse(self, value: object) -> int:
        match value:
            case str() if value in _SECONDS_TEXTS:
                value = int(value)
            case str() if _WHOLE.fullmatch(value):
                raise Wrong("out_of_range", _ASKED.least, _ASKED.most)
        return min(_ASKED.parse(value), MOST_SECONDS)

    def schema(self) -> dict[str, object]:
        texts = {"title": "OpenAISeconds", "type": "string"}
        return {
            "anyOf": [{"$ref": texts | {"enum": [*_SECONDS_TEXTS]}}, _ASKED.schema()]
        }


class Single(Struct, frozen=True, kw_only=True):
    """1, as a number or, in a form, a text."""

    def parse(self, value: object) -> int:
        if value not in (1, "1") or isinstance(value, bool):
            raise Wrong("one_video")
        return 1

    def schema(self) -> dict[str, object]:
        return Whole(least=1, most=1).schema()


class InputReference(Struct, frozen=True, kw_only=True):
    """A file's bytes; or an address, https or data:, alone or as `image_url`."""

    def parse(self, value: object) -> Reference:
        if isinstance(value, Mapping) and value.keys() == {"image_url"}:
            value = value["image_url"]
        match value:
            case b"":
                raise Wrong("empty_file")
            case bytes():
                return _image(value)
            case str() if value.startswith("data:"):
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

    def form_schema(self) -> dict[str, object]:
        return {"type": "string", "format": "binary", "examples": ["raccoon.jpg"]}


CREATE_FIELDS: Mapping[str, Field] = {
    "prompt": VIDEO_FIELDS["prompt"],
    REFERENCE: Field(
        spec=InputReference(),
        description="The image to use as the first frame: a JPEG, PNG, WebP or AVIF "
        "file of at most 16 MB, or its https:// or base64 data: URL. `file_id` is not "
        "supported. Without it, the video is made from the prompt alone.",
        example={"image_url": "https://example.com/raccoon.jpg"},
        synonyms=("image", "image_url"),
    ),
    "model": Field(
        spec=Text(longest=100),
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
        spec=Single(),
        default=1,
        description="How many videos: one for each request.",
    ),
    "user": Field(
        spec=Text(longest=500),
        description="Your name for your own user. It is accepted and not stored.",
        example="user-17",
    ),
}


class OpenAIRequest(Struct, frozen=True, kw_only=True):
    """What was asked, but for the image's name: it gets that once it is kept."""

    prompt: str
    reference: Reference | None
    model: str
    duration_seconds: int
    resolution: Resolution
    aspect_ratio: AspectRatio | None

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "OpenAIRequest":
        """Read a body's fields; InvalidRequest names every wrong one."""
        values, errors = read_fields(CREATE_FIELDS, body)
        if errors:
            raise InvalidRequest(tuple(errors))
        size = values["size"]
        resolution, aspect_ratio = SIZES[size] if size else (Resolution.P720, None)
        return cls(
            prompt=values["prompt"],
            reference=values["input_reference"],
            model=_model(values["model"]),
            duration_seconds=values["seconds"],
            resolution=resolution,
            aspect_ratio=aspect_ratio,
        )

    def video_request(self, image: str | None) -> VideoRequest:
        """`image`: the name under which an InlineImage is kept, None for an address."""
        return VideoRequest(
            prompt=self.prompt,
            image_url=self.reference if isinstance(self.reference, str) else None,
            image=image,
            duration_seconds=self.duration_seconds,
            resolution=self.resolution,
            aspect_ratio=self.aspect_ratio,
            audio=None,
            model=self.model,
            fallback=True,
            seed=None,
        )


def _model(name: str) -> str:
    """One of our names; any other, such as `sora-2`, means the configured chain."""
    return name if name in MODEL_CHOICES else ANY_MODEL


def _decoded(address: str) -> bytes:
    """The content of a base64 data: URL (RFC 2397)."""
    head, _, content = address.partition(",")
    try:
        return b64decode(content, validate=True) if head.endswith(";base64") else b""
    except ValueError:
        return b""


def _image(content: bytes) -> InlineImage:
    """Whatever type the sender says: clients send a file's bytes as octet-stream."""
    kind = image_type(content)
    return InlineImage(content=content, content_type=ImageType().parse(kind))


def read_asked(request: Request) -> Mapping[str, Any]:
    """A form's fields or a JSON object's; a file is its bytes."""
    if request.mimetype == "multipart/form-data":
        return _asked(read_form(request))
    return read_object(request, most_bytes=LARGE_BODY_BYTES)


def read_sending(request: Request) -> ClientRetry:
    """AGAIN where the client says that it sent this before, else FIRST.

    Who says nothing of a first sending may still say it of the next.
    """
    count = request.headers.get("x-stainless-retry-count", "")
    is_number = count.isascii() and count.isdigit()
    return ClientRetry.AGAIN if is_number and count.strip("0") else ClientRetry.FIRST


def _asked(form: Mapping[str, str | bytes]) -> Mapping[str, Any]:
    """The client writes an object into a form as `input_reference[image_url]`."""
    inside = {
        name.removeprefix(_INSIDE).removesuffix("]"): content
        for name, content in form.items()
        if name.startswith(_INSIDE)
    }
    rest = {n: content for n, content in form.items() if not n.startswith(_INSIDE)}
    return rest | ({REFERENCE: inside} if inside else {})
