"""What a caller may ask for: the bodies of `POST /v1/videos` and `/v1/uploads`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.catalogue import (
    ANY_MODEL,
    MODEL_CHOICES,
    AspectRatio,
    Resolution,
)
from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.fields import (
    Choice,
    Field,
    Flag,
    HttpsAddress,
    Identifier,
    Text,
    Whole,
    read_fields,
)

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp")
LARGEST_IMAGE_BYTES = 16_000_000


class ClientRetry(StrEnum):
    """What is known of how often a request without a key is sent.

    A client that resends by itself says so: the first sending leaves a trace, by
    which a later one finds its job for 15 minutes, however the two interleave.
    """

    ONCE = "once"
    FIRST = "first"
    AGAIN = "again"


VIDEO_FIELDS: Mapping[str, Field] = {
    "prompt": Field(spec=Text(longest=1000), required=True),
    "image_url": Field(spec=HttpsAddress(), nullable=True),
    "image": Field(spec=Identifier(longest=128), nullable=True),
    "duration": Field(spec=Whole(least=3, most=10), default=8),
    "resolution": Field(spec=Choice(values=tuple(Resolution)), default=Resolution.P720),
    "aspect_ratio": Field(
        spec=Choice(values=tuple(AspectRatio)), default=AspectRatio.LANDSCAPE
    ),
    "audio": Field(spec=Flag(), nullable=True),
    "model": Field(spec=Choice(values=MODEL_CHOICES), default=ANY_MODEL),
    "fallback": Field(spec=Flag(), default=True),
    "seed": Field(spec=Whole(least=0, most=4_294_967_295), nullable=True),
}

UPLOAD_FIELDS: Mapping[str, Field] = {
    "content_type": Field(spec=Choice(values=IMAGE_TYPES), required=True),
    "size": Field(spec=Whole(least=1, most=LARGEST_IMAGE_BYTES), required=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """What was asked. Exactly one of `image_url` and `image` is set."""

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

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "VideoRequest":
        """Read a JSON object; InvalidRequest names every wrong field."""
        values, errors = read_fields(VIDEO_FIELDS, body)
        images = [n for n in ("image", "image_url") if body.get(n) is not None]
        if len(images) != 1:
            errors += [
                FieldError(field=name, reason="one_picture")
                for name in ("image", "image_url")
            ]
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
        )


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
