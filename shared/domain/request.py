"""What a caller may ask for: the bodies of `POST /v1/videos` and `/v1/uploads`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.catalogue import ANY_MODEL, MODEL_CHOICES, AspectRatio, Resolution
from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.fields import Field, read_fields
from shared.domain.specs import (
    ByteCount,
    Choice,
    Flag,
    HttpsAddress,
    Identifier,
    ImageType,
    Text,
    Whole,
)

MOST_IMAGE_MEGABYTES = 16
LARGEST_IMAGE_BYTES = MOST_IMAGE_MEGABYTES * 1_000_000
# A JPEG can be decoded at a fraction of its size; other formats need all their pixels.
MOST_JPEG_MEGAPIXELS = 200
MOST_MEGAPIXELS = 40
# UTF-16 code units, after NFC.
LONGEST_PROMPT = 2_000


class Translate(StrEnum):
    """Whether a prompt that isn't English is translated before it is sent."""

    AUTO = "auto"
    OFF = "off"


class ClientRetry(StrEnum):
    """Whether the client says that it is sending a request without a key again.

    Clients that resend by themselves say so. The first sending leaves a record by
    which a later one finds its job for 15 minutes, however the two interleave.
    """

    ONCE = "once"
    FIRST = "first"
    AGAIN = "again"


VIDEO_FIELDS: Mapping[str, Field] = {
    "prompt": Field(
        spec=Text(longest=LONGEST_PROMPT),
        required=True,
        description="What should happen in the video, in any language. Counted in "
        "UTF-16 code units; a provider that takes fewer (Runway: 1,000) is skipped.",
        example="The raccoon looks up and waves",
        synonyms=("text", "description"),
    ),
    "translate": Field(
        spec=Choice(values=tuple(Translate), title="Translate"),
        default=Translate.AUTO,
        description="`auto`: a prompt that isn't English is translated, because "
        "providers follow English best; if that fails, the original is sent. "
        "`off`: it is sent as it is. `prompt_sent` shows what was sent.",
        synonyms=("translation", "language"),
    ),
    "image": Field(
        spec=Identifier(longest=128),
        nullable=True,
        description="The image to use as the first frame: the `image` that "
        "`POST /v1/uploads` returned. Send either this or `image_url`.",
    ),
    "image_url": Field(
        spec=HttpsAddress(),
        nullable=True,
        description="The image to use as the first frame, at a public https URL. It is "
        "fetched once.",
        example="https://example.com/raccoon.jpg",
        synonyms=("url", "input_reference"),
    ),
    "duration": Field(
        spec=Whole(least=3, most=10),
        default=8,
        description="Seconds. Each provider makes the shortest video it offers that is "
        "not shorter, or else its longest; `delivered` has the actual length.",
        example=5,
        synonyms=("length", "seconds"),
    ),
    "resolution": Field(
        spec=Choice(values=tuple(Resolution), title="Resolution"),
        default=Resolution.P720,
        description="Providers that can't make it are skipped.",
        synonyms=("quality", "size"),
    ),
    "aspect_ratio": Field(
        spec=Choice(values=tuple(AspectRatio), title="AspectRatio"),
        default=AspectRatio.LANDSCAPE,
        description="Landscape or portrait.",
        synonyms=("ratio", "orientation"),
    ),
    "audio": Field(
        spec=Flag(),
        nullable=True,
        description="`true`: with sound; `false`: without; `null`: either. A provider "
        "that can't do as asked is skipped.",
        synonyms=("sound",),
    ),
    "model": Field(
        spec=Choice(values=MODEL_CHOICES, title="ModelChoice"),
        default=ANY_MODEL,
        description="The provider to ask first. `auto` is the configured chain; "
        "`runway` means both Runway providers.",
        synonyms=("provider",),
    ),
    "fallback": Field(
        spec=Flag(),
        default=True,
        description="Whether the rest of the chain is asked if that provider fails.",
    ),
    "seed": Field(
        spec=Whole(least=0, most=4_294_967_295),
        nullable=True,
        description="Repeats a similar video, at providers that take a seed.",
        example=7,
    ),
}

PROMPT_FIELDS: Mapping[str, Field] = {
    "prompt": Field(
        spec=Text(longest=LONGEST_PROMPT),
        required=True,
        description="The prompt to translate into English.",
        example="너구리가 고개를 들고 손을 흔든다",
        synonyms=("text", "description"),
    ),
}

UPLOAD_FIELDS: Mapping[str, Field] = {
    "content_type": Field(
        spec=ImageType(),
        required=True,
        description="The image's format.",
        example="image/jpeg",
    ),
    "size": Field(
        spec=ByteCount(most_megabytes=MOST_IMAGE_MEGABYTES),
        required=True,
        description="The image's exact size in bytes.",
        example=179217,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """What was asked for. Exactly one of `image_url` and `image` is set."""

    prompt: str
    image_url: str | None
    image: str | None
    duration_seconds: int
    resolution: Resolution
    aspect_ratio: AspectRatio
    audio: bool | None
    model: str
    fallback: bool
    seed: int | None
    translate: Translate = Translate.AUTO

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "VideoRequest":
        """Read a JSON object; InvalidRequest names every wrong field."""
        values, errors = read_fields(VIDEO_FIELDS, body)
        images = [n for n in ("image", "image_url") if body.get(n) is not None]
        if len(images) != 1:
            errors.append(FieldError(field="image", reason="one_image"))
        if errors:
            raise InvalidRequest(tuple(errors))
        return cls(
            prompt=values["prompt"],
            image_url=values["image_url"],
            image=values["image"],
            duration_seconds=values["duration"],
            resolution=Resolution(values["resolution"]),
            aspect_ratio=AspectRatio(values["aspect_ratio"]),
            audio=values["audio"],
            model=values["model"],
            fallback=values["fallback"],
            seed=values["seed"],
            translate=Translate(values["translate"]),
        )


def parse_prompt(body: Mapping[str, object]) -> str:
    """The body of `POST /v1/prompts`; InvalidRequest."""
    values, errors = read_fields(PROMPT_FIELDS, body)
    if errors:
        raise InvalidRequest(tuple(errors))
    prompt: str = values["prompt"]
    return prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """An image about to be uploaded: its type, and its exact size in bytes."""

    content_type: str
    size_bytes: int

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "UploadRequest":
        values, errors = read_fields(UPLOAD_FIELDS, body)
        if errors:
            raise InvalidRequest(tuple(errors))
        return cls(content_type=values["content_type"], size_bytes=values["size"])
