"""The bodies of `POST /v1/videos`, `/v1/prompts` and `/v1/uploads`."""

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
from shared.domain.errors import FieldError
from shared.domain.fields import Field, read_fields
from shared.domain.https_address import HttpsAddress
from shared.domain.specs import (
    ByteCount,
    Choice,
    Flag,
    Identifier,
    ImageType,
    Pairs,
    Text,
    Whole,
)

MAX_IMAGE_MEGABYTES = 16
MAX_IMAGE_BYTES = MAX_IMAGE_MEGABYTES * 1_000_000
# A JPEG can be decoded at a fraction of its size; other formats need all their pixels.
MAX_JPEG_MEGAPIXELS = 200
MAX_MEGAPIXELS = 40
# UTF-16 code units, after NFC.
MAX_PROMPT_UNITS = 2_000


class Translate(StrEnum):
    """Whether a prompt that isn't English is translated before it is sent."""

    AUTO = "auto"
    OFF = "off"


class Frame(StrEnum):
    """Which frame of the video an image becomes."""

    FIRST = "first"
    LAST = "last"


class ImageSource(Struct, frozen=True, kw_only=True):
    """Where an image comes from: the name of an upload, or else an https URL."""

    upload: str | None
    url: str | None


class ClientRetry(StrEnum):
    """What the client says about resending a request without an idempotency key.

    ONCE: nothing. Clients that resend by themselves mark their requests as FIRST or
    AGAIN: for 15 minutes, one finds the job that the other created, in whichever order
    the two arrive.
    """

    ONCE = "once"
    FIRST = "first"
    AGAIN = "again"


VIDEO_FIELDS: Mapping[str, Field] = {
    "prompt": Field(
        spec=Text(max_units=MAX_PROMPT_UNITS),
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
        spec=Identifier(max_length=128),
        nullable=True,
        description="The image to use as the first frame: the `image` that "
        "`POST /v1/uploads` returned. Send either this or `image_url`; with neither, "
        "the video is made from the prompt alone, by the providers that can do that.",
    ),
    "image_url": Field(
        spec=HttpsAddress(),
        nullable=True,
        description="The image to use as the first frame, at a public https URL: a "
        "JPEG, PNG, WebP or AVIF of at most 16 MB and at least 128 pixels a side. It "
        "is fetched once.",
        example="https://example.com/raccoon.jpg",
        synonyms=("url", "input_reference"),
    ),
    "last_image": Field(
        spec=Identifier(max_length=128),
        nullable=True,
        description="The image to use as the last frame, also an upload. Needs a first "
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
        spec=Whole(minimum=3, maximum=10),
        default=8,
        description="In seconds. Each provider makes the shortest video it offers that "
        "is at least this long, or else its longest; `delivered` has the actual "
        "length.",
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
        description="`true`: with sound; `false`: without; `null`: either. Providers "
        "that can't do that are skipped.",
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
        spec=Whole(minimum=0, maximum=4_294_967_295),
        nullable=True,
        description="The same seed gives similar videos, with providers that support "
        "one.",
        example=7,
    ),
    "metadata": Field(
        spec=Pairs(max_pairs=16, max_name_length=64, max_value_length=500),
        nullable=True,
        description="Up to 16 strings of your own, returned unchanged. Names have at "
        "most 64 characters, values at most 500.",
        example={"order": "A-1042"},
        synonyms=("tags", "labels"),
    ),
    "webhook_url": Field(
        spec=HttpsAddress(),
        nullable=True,
        description="Where one message is POSTed when the job ends, signed as Standard "
        "Webhooks specifies and retried for a day until it is accepted. A public https "
        "URL; only for API keys. It is not shown again.",
        example="https://example.com/reelay-webhook",
        synonyms=("webhook", "callback_url", "callback"),
    ),
}

PROMPT_FIELDS: Mapping[str, Field] = {
    "prompt": Field(
        spec=Text(max_units=MAX_PROMPT_UNITS),
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
        spec=ByteCount(max_megabytes=MAX_IMAGE_MEGABYTES),
        required=True,
        description="The image's exact size in bytes.",
        example=179217,
    ),
}


class VideoRequest(Struct, frozen=True, kw_only=True):
    """The parsed body of `POST /v1/videos`. `aspect_ratio` None: `auto`.

    At most one of `image_url` and `image` is set; only then may one of `last_image_url`
    and `last_image` be. Fields that were added later have a default, which applies to
    older documents.
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
        """The image of this frame; None if the request has none."""
        upload, url = self.image, self.image_url
        if frame is Frame.LAST:
            upload, url = self.last_image, self.last_image_url
        return ImageSource(upload=upload, url=url) if upload or url else None

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "VideoRequest":
        """Parse a JSON object; InvalidRequest has every invalid field."""
        values = read_fields(VIDEO_FIELDS, body, _wrong_images(body))
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
    """The prompt in the body of `POST /v1/prompts`; may raise InvalidRequest."""
    prompt: str = read_fields(PROMPT_FIELDS, body)["prompt"]
    return prompt


class UploadRequest(Struct, frozen=True, kw_only=True):
    """An image about to be uploaded: its type, and its exact size in bytes."""

    content_type: str
    size_bytes: int

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> "UploadRequest":
        values = read_fields(UPLOAD_FIELDS, body)
        return cls(content_type=values["content_type"], size_bytes=values["size"])
