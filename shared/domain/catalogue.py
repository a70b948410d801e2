"""The catalogue of providers and models: every fact about them that the rules need."""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from shared.domain.structs import replace


class ProviderId(StrEnum):
    """One way to make a video; its value is the `ai_model` that callers see."""

    RUNWAY = "runway"
    RUNWAY_HTTP = "runway-http"
    VEO = "gemini-veo-3.1"
    OMNI = "gemini-omni-flash"


class Vendor(StrEnum):
    """The account that is billed."""

    RUNWAY = "runway"
    VERTEX = "vertex"
    GEMINI_API = "gemini-api"


class Resolution(StrEnum):
    P720 = "720p"
    P1080 = "1080p"

    @property
    def short_side(self) -> int:
        """In pixels."""
        return int(self.value.removesuffix("p"))


class AspectRatio(StrEnum):
    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"
    SQUARE = "1:1"
    STANDARD = "4:3"
    STANDARD_PORTRAIT = "3:4"
    CINEMA = "21:9"

    @property
    def number(self) -> float:
        """The width for a height of 1."""
        width, height = self.value.split(":")
        return int(width) / int(height)


class Audio(StrEnum):
    """Whether a model's videos have sound."""

    NEVER = "never"
    OPTIONAL = "optional"
    ALWAYS = "always"


class Unsupported(StrEnum):
    """Why a model can't fulfil a request; `sentences.json` has a sentence for each."""

    RESOLUTION = "no_such_resolution"
    NEEDS_IMAGE = "needs_image"
    ASPECT_RATIO = "no_such_aspect_ratio"
    LAST_IMAGE = "no_last_image"
    NO_SOUND = "no_sound"
    ALWAYS_SOUND = "always_sound"
    PROMPT_TOO_LONG = "prompt_too_long"


class VideoModel(Struct, frozen=True, kw_only=True):
    """What one model offers. Prices are in USD per second of video, by resolution.

    `aspect_ratios` apply to image-to-video and `text_aspect_ratios` to text-to-video;
    the latter are empty for a model that needs an image. `max_prompt_units` counts
    UTF-16 code units. `retires_on` is None until a date is certain. `typical_seconds`
    is how long a generation usually takes; it is only used to estimate progress where
    the provider reports none.
    """

    model_id: str
    durations_seconds: tuple[int, ...]
    aspect_ratios: tuple[AspectRatio, ...]
    audio: Audio
    max_prompt_units: int
    usd_per_second: Mapping[Resolution, Decimal]
    price_source: str
    price_checked_on: date
    typical_seconds: int
    text_aspect_ratios: tuple[AspectRatio, ...] = ()
    takes_last_image: bool = False
    retires_on: date | None = None

    @property
    def has_audio(self) -> bool:
        return self.audio is not Audio.NEVER

    def fit(self, asked_seconds: int) -> int:
        """The shortest offered duration that is long enough, or else the longest."""
        longer = [d for d in self.durations_seconds if d >= asked_seconds]
        return min(longer, default=max(self.durations_seconds))

    def ratios(self, *, has_image: bool) -> tuple[AspectRatio, ...]:
        return self.aspect_ratios if has_image else self.text_aspect_ratios

    def price_usd(self, duration_seconds: int, resolution: Resolution) -> Decimal:
        """The list price; KeyError if the resolution is not offered."""
        return self.usd_per_second[resolution] * duration_seconds


class ProviderFacts(Struct, frozen=True, kw_only=True):
    """One provider: the account it bills, its models, and what the rules need to know.

    `choice` is the value of a request's `model` that puts this provider first; several
    providers may share it. The first of `models` is the default; the environment
    variable `model_variable` selects another. A provider without `api_key_variable`
    and `base_url_variable` is called under the project's identity.

    `writes_into_bucket`: the vendor itself writes the file into our bucket, so an
    unknown submission may have left one there. `polls_through` is the provider that
    can poll this one's tasks when its own polls fail.
    """

    vendor: Vendor
    choice: str
    models: tuple[VideoModel, ...]
    model_variable: str
    api_key_variable: str | None = None
    base_url_variable: str | None = None
    writes_into_bucket: bool = False
    polls_through: ProviderId | None = None


class TextModel(Struct, frozen=True, kw_only=True):
    """A model that translates prompts. Prices are in USD per million tokens."""

    model_id: str
    usd_per_million_input: Decimal
    usd_per_million_output: Decimal
    price_source: str
    price_checked_on: date


_BOTH_RATIOS = (AspectRatio.LANDSCAPE, AspectRatio.PORTRAIT)
# The ratios of gen4_turbo and gen4.5 in image_to_video (runwayml 5.24.0).
_RUNWAY_RATIOS = tuple(AspectRatio)
_CHECKED = date(2026, 11, 22)
_RUNWAY_PRICES = "docs.dev.runwayml.com/guides/pricing, 1 credit = 0.01 USD"
_GOOGLE_PRICES = "cloud.google.com/vertex-ai/generative-ai/pricing, with audio"
# Omni 1.2's own price is not confirmed. 1.1's is, and it is higher: never too low.
_OMNI_PRICES = "ai.google.dev/gemini-api/docs/pricing, of Omni 1.1 Flash"
# The limit of promptText in image_to_video (runwayml 5.24.0).
_RUNWAY_PROMPT = 1_000
# Google counts tokens (1,024); 2,000 units of English stay well below that.
_GOOGLE_PROMPT = 2_000


def _prices(p720: str, p1080: str | None = None) -> dict[Resolution, Decimal]:
    prices = {Resolution.P720: Decimal(p720)}
    return prices | ({Resolution.P1080: Decimal(p1080)} if p1080 else {})


def _runway(
    model_id: str,
    usd_per_second: str,
    typical_seconds: int,
    text_aspect_ratios: tuple[AspectRatio, ...] = (),
) -> VideoModel:
    return VideoModel(
        model_id=model_id,
        durations_seconds=tuple(range(2, 11)),
        aspect_ratios=_RUNWAY_RATIOS,
        text_aspect_ratios=text_aspect_ratios,
        audio=Audio.NEVER,
        max_prompt_units=_RUNWAY_PROMPT,
        usd_per_second=_prices(usd_per_second),
        price_source=_RUNWAY_PRICES,
        price_checked_on=_CHECKED,
        typical_seconds=typical_seconds,
    )


def _veo(
    model_id: str, p720: str, p1080: str, *, takes_last_image: bool = True
) -> VideoModel:
    # Google's pages disagree about when 3.1 retires, so no date is given.
    return VideoModel(
        model_id=model_id,
        durations_seconds=(4, 6, 8),
        aspect_ratios=_BOTH_RATIOS,
        text_aspect_ratios=_BOTH_RATIOS,
        takes_last_image=takes_last_image,
        audio=Audio.OPTIONAL,
        max_prompt_units=_GOOGLE_PROMPT,
        usd_per_second=_prices(p720, p1080),
        price_source=_GOOGLE_PRICES,
        price_checked_on=_CHECKED,
        typical_seconds=120,
    )


def _omni(model_id: str, max_seconds: int) -> VideoModel:
    return VideoModel(
        model_id=model_id,
        durations_seconds=tuple(range(3, max_seconds + 1)),
        aspect_ratios=_BOTH_RATIOS,
        text_aspect_ratios=_BOTH_RATIOS,
        audio=Audio.ALWAYS,
        max_prompt_units=_GOOGLE_PROMPT,
        usd_per_second=_prices("0.10", "0.15"),
        price_source=_OMNI_PRICES,
        price_checked_on=_CHECKED,
        typical_seconds=90,
    )


_RUNWAY_HTTP = ProviderFacts(
    vendor=Vendor.RUNWAY,
    choice="runway",
    models=(
        _runway("gen4_turbo", "0.05", typical_seconds=40),
        _runway("gen4.5", "0.12", typical_seconds=90, text_aspect_ratios=_BOTH_RATIOS),
    ),
    model_variable="RUNWAY_MODEL",
    base_url_variable="RUNWAYML_BASE_URL",
    api_key_variable="RUNWAY_API_KEY",
)

# In the order of the default chain.
PROVIDERS: Mapping[ProviderId, ProviderFacts] = {
    ProviderId.RUNWAY: replace(_RUNWAY_HTTP, polls_through=ProviderId.RUNWAY_HTTP),
    ProviderId.RUNWAY_HTTP: _RUNWAY_HTTP,
    ProviderId.VEO: ProviderFacts(
        vendor=Vendor.VERTEX,
        choice="gemini-veo-3.1",
        models=(
            _veo("veo-3.1-generate-001", "0.40", "0.40"),
            _veo("veo-3.1-fast-generate-001", "0.10", "0.12"),
            # Sources disagree on whether it takes a last frame, so it isn't offered.
            _veo("veo-3.1-lite-generate-001", "0.05", "0.08", takes_last_image=False),
        ),
        model_variable="VEO_MODEL",
        writes_into_bucket=True,
    ),
    ProviderId.OMNI: ProviderFacts(
        vendor=Vendor.GEMINI_API,
        choice="gemini-omni-flash",
        models=(
            _omni("gemini-omni-1.2-flash", max_seconds=15),
            _omni("gemini-omni-1.1-flash", max_seconds=10),
        ),
        model_variable="OMNI_MODEL",
        base_url_variable="GOOGLE_GEMINI_BASE_URL",
        api_key_variable="GEMINI_API_KEY",
        # Only on the Agent Platform, without a key; the adapter knows, and an attempt
        # records what it says.
        writes_into_bucket=True,
    ),
}

DEFAULT_CHAIN = tuple(PROVIDERS)

# Text models are called on the Agent Platform, under the project's identity.
_TEXT_PRICES = "ai.google.dev/gemini-api/docs/pricing, as resellers quote it"
TEXT_MODELS: Mapping[str, TextModel] = {
    model_id: TextModel(
        model_id=model_id,
        usd_per_million_input=Decimal(input_usd),
        usd_per_million_output=Decimal(output_usd),
        price_source=_TEXT_PRICES,
        price_checked_on=date(2026, 11, 29),
    )
    for model_id, input_usd, output_usd in (
        ("gemini-3.5-flash-lite", "0.30", "2.50"),
        ("gemini-3.1-flash-lite", "0.25", "1.50"),
    )
}

DEFAULT_TEXT_MODEL = next(iter(TEXT_MODELS))
DEFAULT_MODELS: Mapping[ProviderId, str] = {
    provider_id: facts.models[0].model_id for provider_id, facts in PROVIDERS.items()
}
CATALOGUE: Mapping[str, VideoModel] = {
    model.model_id: model for facts in PROVIDERS.values() for model in facts.models
}

ANY_RATIO = "auto"
RATIO_CHOICES = (ANY_RATIO, *AspectRatio)
ANY_MODEL = "auto"


def model_choices(chain: Collection[ProviderId]) -> tuple[str, ...]:
    """The values of a request's `model` with this chain: `auto` and its providers."""
    choices = (PROVIDERS[p].choice for p in PROVIDERS if p in chain)
    return (ANY_MODEL, *dict.fromkeys(choices))


MODEL_CHOICES = model_choices(PROVIDERS)


def chosen_by(choice: str) -> tuple[ProviderId, ...]:
    """The providers that a request's `model` asks for first; none for `auto`."""
    return tuple(p for p, facts in PROVIDERS.items() if facts.choice == choice)
