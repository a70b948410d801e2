"""The catalogue's limits, durations and prices against the vendors' own figures."""

from decimal import Decimal

import pytest

from shared.domain.catalogue import (
    CATALOGUE,
    DEFAULT_CHAIN,
    MODEL_CHOICES,
    TEXT_MODELS,
    ProviderId,
    Resolution,
    chosen_by,
)

P720, P1080 = Resolution.P720, Resolution.P1080


@pytest.fixture(autouse=True)
def fixed_prices() -> None:
    """Replaces the fixture of all tests: here, the vendors' prices count."""


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
        ("gemini-omni-1.1-flash", 20, 10),
    ],
)
def test_a_duration_becomes_the_shortest_one_offered_that_is_long_enough(
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
        ("veo-3.1-fast-generate-001", 8, P720, "0.80"),
        ("veo-3.1-fast-generate-001", 8, P1080, "0.96"),
        ("veo-3.1-lite-generate-001", 4, P720, "0.20"),
        ("veo-3.1-lite-generate-001", 4, P1080, "0.32"),
        ("gemini-omni-1.2-flash", 8, P720, "0.80"),
        ("gemini-omni-1.2-flash", 8, P1080, "1.20"),
        ("gemini-omni-1.1-flash", 8, P720, "0.80"),
        ("gemini-omni-1.1-flash", 8, P1080, "1.20"),
    ],
)
def test_a_price_is_the_list_price_to_the_cent(
    model_id: str, seconds: int, resolution: Resolution, usd: str
) -> None:
    assert CATALOGUE[model_id].price_usd(seconds, resolution) == Decimal(usd)


@pytest.mark.parametrize(
    ("model_id", "input_usd", "output_usd"),
    [
        ("gemini-3.5-flash-lite", "0.30", "2.50"),
        ("gemini-3.1-flash-lite", "0.25", "1.50"),
    ],
)
def test_a_million_tokens_cost_the_list_price(
    model_id: str, input_usd: str, output_usd: str
) -> None:
    model = TEXT_MODELS[model_id]
    prices = (model.usd_per_million_input, model.usd_per_million_output)

    assert prices == (Decimal(input_usd), Decimal(output_usd))


def test_every_provider_has_one_row_in_the_order_of_the_chain() -> None:
    assert tuple(ProviderId) == DEFAULT_CHAIN
    assert [provider_id.value for provider_id in DEFAULT_CHAIN] == [
        "runway",
        "runway-http",
        "gemini-veo-3.1",
        "gemini-omni-flash",
    ]


@pytest.mark.parametrize(
    ("choice", "providers"),
    [
        ("auto", ()),
        ("runway", (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP)),
        ("gemini-veo-3.1", (ProviderId.VEO,)),
        ("gemini-omni-flash", (ProviderId.OMNI,)),
    ],
)
def test_a_model_choice_names_the_providers_to_ask_first(
    choice: str, providers: tuple[ProviderId, ...]
) -> None:
    assert choice in MODEL_CHOICES
    assert chosen_by(choice) == providers
