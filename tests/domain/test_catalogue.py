"""What the catalogue promises, against the vendors' own facts."""

from decimal import Decimal

import pytest

from shared.domain.catalogue import (
    CATALOGUE,
    DEFAULT_CHAIN,
    DEFAULT_MODELS,
    VENDORS,
    ProviderId,
    Resolution,
    Vendor,
)

P720, P1080 = Resolution.P720, Resolution.P1080


@pytest.mark.parametrize(
    ("model_id", "durations", "resolutions", "has_audio"),
    [
        ("gen4_turbo", range(2, 11), {P720}, False),
        ("gen4.5", range(2, 11), {P720}, False),
        ("veo-3.1-generate-001", (4, 6, 8), {P720, P1080}, True),
        ("veo-3.1-fast-generate-001", (4, 6, 8), {P720, P1080}, True),
        ("veo-3.1-lite-generate-001", (4, 6, 8), {P720, P1080}, True),
        ("gemini-omni-1.2-flash", range(3, 16), {P720, P1080}, True),
        ("gemini-omni-1.1-flash", range(3, 11), {P720, P1080}, True),
    ],
)
def test_a_model_offers_what_its_vendor_says(
    model_id: str, durations: range, resolutions: set[Resolution], has_audio: bool
) -> None:
    model = CATALOGUE[model_id]

    assert model.durations_seconds == tuple(durations)
    assert set(model.usd_per_second) == resolutions
    assert model.has_audio is has_audio
    assert {ratio.value for ratio in model.aspect_ratios} == {"16:9", "9:16"}


@pytest.mark.parametrize(
    ("model_id", "asked_seconds", "fitted_seconds"),
    [
        ("gen4_turbo", 3, 3),
        ("gen4_turbo", 10, 10),
        ("veo-3.1-generate-001", 3, 4),
        ("veo-3.1-generate-001", 5, 6),
        ("veo-3.1-generate-001", 8, 8),
        ("veo-3.1-generate-001", 10, 8),
        ("gemini-omni-1.2-flash", 10, 10),
        ("gemini-omni-1.2-flash", 20, 15),
    ],
)
def test_a_duration_is_fitted_to_the_next_one_offered(
    model_id: str, asked_seconds: int, fitted_seconds: int
) -> None:
    assert CATALOGUE[model_id].fit(asked_seconds) == fitted_seconds


@pytest.mark.parametrize(
    ("model_id", "seconds", "resolution", "usd"),
    [
        ("gen4_turbo", 5, P720, "0.25"),
        ("gen4_turbo", 10, P720, "0.50"),
        ("gen4.5", 5, P720, "0.60"),
        ("veo-3.1-generate-001", 8, P720, "3.20"),
        ("veo-3.1-generate-001", 8, P1080, "3.20"),
        ("veo-3.1-fast-generate-001", 8, P1080, "0.96"),
        ("veo-3.1-lite-generate-001", 4, P720, "0.20"),
        ("gemini-omni-1.1-flash", 8, P1080, "1.20"),
    ],
)
def test_a_price_is_the_list_price_to_the_cent(
    model_id: str, seconds: int, resolution: Resolution, usd: str
) -> None:
    assert CATALOGUE[model_id].price_usd(seconds, resolution) == Decimal(usd)


def test_what_a_model_does_not_make_has_no_price() -> None:
    with pytest.raises(KeyError):
        CATALOGUE["gen4_turbo"].price_usd(5, P1080)


@pytest.mark.parametrize("model", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_price_names_its_source(model: object) -> None:
    assert getattr(model, "price_source", "")


def test_the_chain_goes_from_runway_over_veo_to_omni() -> None:
    assert [provider_id.value for provider_id in DEFAULT_CHAIN] == [
        "runway",
        "runway-http",
        "gemini-veo-3.1",
        "gemini-omni-flash",
    ]


@pytest.mark.parametrize("provider_id", ProviderId)
def test_a_provider_uses_a_model_of_its_own_vendor(provider_id: ProviderId) -> None:
    assert CATALOGUE[DEFAULT_MODELS[provider_id]].vendor is VENDORS[provider_id]


def test_both_runway_providers_are_one_account() -> None:
    assert (
        VENDORS[ProviderId.RUNWAY] is VENDORS[ProviderId.RUNWAY_HTTP] is Vendor.RUNWAY
    )
