"""What a caller may ask for: the bodies of `POST /v1/videos` and `/v1/uploads`."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from shared.domain.catalogue import (
    ANY_MODEL,
    ANY_RATIO,
    MODEL_CHOICES,
    RATIO_CHOICES,
    AspectRatio,
    Resolution,
)
from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.fields import Field, read_fields
from shared.domain.specs import (
    ByteCount,
    Choice,
    Flag,
    HttpsAddress,
    Identifier,
    ImageType,
    Pairs,
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


class Frame(StrEnum):
    """Where an image stands in the video."""

    FIRST = "first"
    LAST = "last"


class ImageSource(Struct, frozen=True, kw_only=True):
    """Where an image comes from: an upload's name, or else an https URL."""

    upload: str | None
    url: str | None


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
        "`POST /v1/uploads` returned. Send either this or `image_url`; without both, "
        "the video is made from the prompt alone, by the providers that can.",
    ),
    "image_url": Field(
        spec=HttpsAddress(),
        nullable=True,
        description="The image to use as the first frame, at a public https URL. It is "
        "fetched once.",
        example="https://example.com/raccoon.jpg",
        synonyms=("url", "input_reference"),
    ),
    "last_image": Field(
        spec=Identifier(longest=128),
        nullable=True,
        description="The image to use as the last frame, an upload too. Needs a first "
        "frame; providers that can't end on an image are skipped.",
        synonyms=("end_image", "last_frame", "end_frame"),
    ),
    "last_image_url": Field(
        spec=HttpsAddress(),
        nullable=True,
        description="The image to use as the last frame, at a public https URL.",
        example="https://example.com/raccoon-asleep.jpg",
        synonyms=("end_image_url", "last_frame_url"),
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
        spec=Choice(values=RATIO_CHOICES, title="AspectRatioChoice"),
        default=ANY_RATIO,
        description="`auto`: of the ratios that a provider makes, the one nearest to "
        "the first frame's own; 16:9 without an image. Providers that can't make a "
        "fixed ratio are skipped.",
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
    "metadata": Field(
        spec=Pairs(most=16, longest_name=64, longest_value=500),
        description="Strings of your own, returned unchanged: at most 16, their names "
        "of at most 64 characters, their values of at most 500.",
        example={"order": "A-1042"},
        synonyms=("tags", "labels"),
    ),
    "webhook_url": Field(
        spec=HttpsAddress(),
        nullable=True,
        description="Where one message is POSTed when the job ends, signed as Standard "
        "Webhooks specify and sent again for a day until it is taken. A public https "
        "URL; only for API keys. It is not shown again.",
        example="https://example.com/reelay-webhook",
        synonyms=("webhook", "callback_url", "callback"),
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


class VideoRequest(Struct, frozen=True, kw_only=True):
    """What was asked for. At most one of `image_url` and `image` is set, and only
    then one of `last_image_url` and `last_image`. `aspect_ratio` None: `auto`.

    A field that was added later has a default, which older documents stand for.
    """

    prompt: str
    image_url: str | None
    image: str | None
    duration_seconds: int
    resolution: Resolution
    aspect_ratio: AspectRatio | None
    audio: bool | None
    model: str
    fallback: bool
    seed: int | None
    translate: Translate = Translate.AUTO
    last_image_url: str | None = None
    last_image: str | None = None
    metadata: Mapping[str, str] | None = None
    webhook_url: str | None = None

    def source(self, frame: Frame) -> ImageSource | None:
        """None if the video need not begin, or end, with an image."""
        upload, url = self.image, self.image_url
        if frame is Frame.LAST:
            upload, url = self.last_image, self.last_image_url
        return ImageSource(upload=upload, url=url) if upload or url else None

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "VideoRequest":
        """Read a JSON object; InvalidRequest names every wrong field."""
        values, errors = read_fields(VIDEO_FIELDS, body)
        errors += _wrong_images(body)
        if errors:
            raise InvalidRequest(tuple(errors))
        ratio = values["aspect_ratio"]
        return cls(
            prompt=values["prompt"],
            image_url=values["image_url"],
            image=values["image"],
            duration_seconds=values["duration"],
            resolution=Resolution(values["resolution"]),
            aspect_ratio=None if ratio == ANY_RATIO else AspectRatio(ratio),
            audio=values["audio"],
            model=values["model"],
            fallback=values["fallback"],
            seed=values["seed"],
            translate=Translate(values["translate"]),
            last_image_url=values["last_image_url"],
            last_image=values["last_image"],
            metadata=values["metadata"] or None,
            webhook_url=values["webhook_url"],
        )


def _wrong_images(body: Mapping[str, object]) -> Iterator[FieldError]:
    def is_sent(name: str) -> bool:
        return body.get(name) is not None

    for name in ("image", "last_image"):
        if is_sent(name) and is_sent(f"{name}_url"):
            names = (name, f"{name}_url")
            yield FieldError(field=name, reason="one_image", parameters=names)
    for name in ("last_image", "last_image_url"):
        if is_sent(name) and not is_sent("image") and not is_sent("image_url"):
            yield FieldError(field=name, reason="needs_first")


def parse_prompt(body: Mapping[str, object]) -> str:
    """The body of `POST /v1/prompts`; InvalidRequest."""
    values, errors = read_fields(PROMPT_FIELDS, body)
    if errors:
        raise InvalidRequest(tuple(errors))
    prompt: str = values["prompt"]
    return prompt


class UploadRequest(Struct, frozen=True, kw_only=True):
    """An image about to be uploaded: its type, and its exact size in bytes."""

    content_type: str
    size_bytes: int

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "UploadRequest":
        values, errors = read_fields(UPLOAD_FIELDS, body)
        if errors:
            raise InvalidRequest(tuple(errors))
        return cls(content_type=values["content_type"], size_bytes=values["size"])
