"""The models: what each can make, what a second of it costs, when it retires."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


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


class AspectRatio(StrEnum):
    LANDSCAPE = "16:9"
    PORTRAIT = "9:16"


VENDORS: Mapping[ProviderId, Vendor] = {
    ProviderId.RUNWAY: Vendor.RUNWAY,
    ProviderId.RUNWAY_HTTP: Vendor.RUNWAY,
    ProviderId.VEO: Vendor.VERTEX,
    ProviderId.OMNI: Vendor.GEMINI_API,
}

DEFAULT_CHAIN = (
    ProviderId.RUNWAY,
    ProviderId.RUNWAY_HTTP,
    ProviderId.VEO,
    ProviderId.OMNI,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoModel:
    """What one model offers. Prices are USD per second of video, by resolution.

    `retires_on` is None while no date is certain. `typical_seconds` is how long a
    generation tends to take; it only feeds the progress of vendors that report none.
    """

    model_id: str
    vendor: Vendor
    durations_seconds: tuple[int, ...]
    aspect_ratios: tuple[AspectRatio, ...]
    has_audio: bool
    usd_per_second: Mapping[Resolution, Decimal]
    price_source: str
    price_checked_on: date
    typical_seconds: int
    retires_on: date | None = None

    def fit(self, asked_seconds: int) -> int:
        """The shortest duration not shorter than asked, else the longest."""
        longer = [d for d in self.durations_seconds if d >= asked_seconds]
        return min(longer, default=max(self.durations_seconds))

    def price_usd(self, duration_seconds: int, resolution: Resolution) -> Decimal:
        """The list price; KeyError where the resolution is not offered."""
        return self.usd_per_second[resolution] * duration_seconds


_BOTH_RATIOS = (AspectRatio.LANDSCAPE, AspectRatio.PORTRAIT)
_CHECKED = date(2026, 11, 22)
_RUNWAY_PRICES = "docs.dev.runwayml.com/guides/pricing, 1 credit = 0.01 USD"
_GOOGLE_PRICES = "cloud.google.com/vertex-ai/generative-ai/pricing, with audio"
# 1.2's own list price is not confirmed; 1.1's is, and is the higher: never too low.
_OMNI_PRICES = "ai.google.dev/gemini-api/docs/pricing, of Omni 1.1 Flash"


def _prices(p720: str, p1080: str | None = None) -> dict[Resolution, Decimal]:
    prices = {Resolution.P720: Decimal(p720)}
    return prices | ({Resolution.P1080: Decimal(p1080)} if p1080 else {})


def _runway(model_id: str, usd_per_second: str, typical_seconds: int) -> VideoModel:
    return VideoModel(
        model_id=model_id,
        vendor=Vendor.RUNWAY,
        durations_seconds=tuple(range(2, 11)),
        aspect_ratios=_BOTH_RATIOS,
        has_audio=False,
        usd_per_second=_prices(usd_per_second),
        price_source=_RUNWAY_PRICES,
        price_checked_on=_CHECKED,
        typical_seconds=typical_seconds,
    )


def _veo(model_id: str, p720: str, p1080: str) -> VideoModel:
    # Google's pages disagree about when 3.1 retires, so no date stands here.
    return VideoModel(
        model_id=model_id,
        vendor=Vendor.VERTEX,
        durations_seconds=(4, 6, 8),
        aspect_ratios=_BOTH_RATIOS,
        has_audio=True,
        usd_per_second=_prices(p720, p1080),
        price_source=_GOOGLE_PRICES,
        price_checked_on=_CHECKED,
        typical_seconds=120,
    )


def _omni(model_id: str, longest_seconds: int) -> VideoModel:
    return VideoModel(
        model_id=model_id,
        vendor=Vendor.GEMINI_API,
        durations_seconds=tuple(range(3, longest_seconds + 1)),
        aspect_ratios=_BOTH_RATIOS,
        has_audio=True,
        usd_per_second=_prices("0.10", "0.15"),
        price_source=_OMNI_PRICES,
        price_checked_on=_CHECKED,
        typical_seconds=90,
    )


CATALOGUE: Mapping[str, VideoModel] = {
    model.model_id: model
    for model in (
        _runway("gen4_turbo", "0.05", typical_seconds=40),
        _runway("gen4.5", "0.12", typical_seconds=90),
        _veo("veo-3.1-generate-001", "0.40", "0.40"),
        _veo("veo-3.1-fast-generate-001", "0.10", "0.12"),
        _veo("veo-3.1-lite-generate-001", "0.05", "0.08"),
        _omni("gemini-omni-1.2-flash", longest_seconds=15),
        _omni("gemini-omni-1.1-flash", longest_seconds=10),
    )
}

DEFAULT_MODELS: Mapping[ProviderId, str] = {
    ProviderId.RUNWAY: "gen4_turbo",
    ProviderId.RUNWAY_HTTP: "gen4_turbo",
    ProviderId.VEO: "veo-3.1-generate-001",
    ProviderId.OMNI: "gemini-omni-1.2-flash",
}
