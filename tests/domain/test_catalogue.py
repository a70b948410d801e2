"""What the catalogue promises, against the vendors' own facts."""

from decimal import Decimal

import pytest

from shared.domain.catalogue import (
    CATALOGUE,
    DEFAULT_CHAIN,
    MODEL_CHOICES,
    PROVIDERS,
    AspectRatio,
    Audio,
    ProviderId,
    Resolution,
    Unsupported,
    chosen_by,
)

P720, P1080 = Resolution.P720, Resolution.P1080
SQUARE = AspectRatio.SQUARE


@pytest.mark.parametrize(
    ("model_id", "durations", "resolutions", "audio", "longest_prompt"),
    [
        ("gen4_turbo", range(2, 11), {P720}, Audio.NEVER, 1000),
        ("gen4.5", range(2, 11), {P720}, Audio.NEVER, 1000),
        ("veo-3.1-generate-001", (4, 6, 8), {P720, P1080}, Audio.OPTIONAL, 2000),
        ("veo-3.1-fast-generate-001", (4, 6, 8), {P720, P1080}, Audio.OPTIONAL, 2000),
        ("veo-3.1-lite-generate-001", (4, 6, 8), {P720, P1080}, Audio.OPTIONAL, 2000),
        ("gemini-omni-1.2-flash", range(3, 16), {P720, P1080}, Audio.ALWAYS, 2000),
        ("gemini-omni-1.1-flash", range(3, 11), {P720, P1080}, Audio.ALWAYS, 2000),
    ],
)
def test_a_model_offers_what_its_vendor_says(
    model_id: str,
    durations: range,
    resolutions: set[Resolution],
    audio: Audio,
    longest_prompt: int,
) -> None:
    model = CATALOGUE[model_id]

    assert model.durations_seconds == tuple(durations)
    assert set(model.usd_per_second) == resolutions
    assert (model.audio, model.longest_prompt) == (audio, longest_prompt)
    runway = {"16:9", "9:16", "1:1", "4:3", "3:4", "21:9"}
    both = {"16:9", "9:16"}
    assert {*model.aspect_ratios} == (runway if model_id[:3] == "gen" else both)
    assert {*model.text_aspect_ratios} == (set() if model_id == "gen4_turbo" else both)
    assert model.takes_last_image is (
        model_id.endswith("-generate-001") and "lite" not in model_id
    )
    assert model.price_source


@pytest.mark.parametrize(
    ("model_id", "asked", "reason"),
    [
        ("gen4_turbo", {}, None),
        ("gen4_turbo", {"resolution": P1080}, Unsupported.RESOLUTION),
        ("gen4_turbo", {"audio": True}, Unsupported.NO_SOUND),
        ("gen4_turbo", {"audio": False}, None),
        ("veo-3.1-generate-001", {"audio": False}, None),
        ("gemini-omni-1.2-flash", {"audio": True}, None),
        ("gemini-omni-1.2-flash", {"audio": False}, Unsupported.ALWAYS_SOUND),
        ("gen4_turbo", {"prompt": "x" * 1000}, None),
        ("gen4_turbo", {"prompt": "x" * 1001}, Unsupported.PROMPT_TOO_LONG),
        ("gen4_turbo", {"prompt": "\N{CAT FACE}" * 500}, None),
        ("gen4_turbo", {"prompt": "\N{CAT FACE}" * 501}, Unsupported.PROMPT_TOO_LONG),
        ("veo-3.1-generate-001", {"prompt": "x" * 1001}, None),
        ("gen4_turbo", {"aspect_ratio": SQUARE}, None),
        ("veo-3.1-generate-001", {"aspect_ratio": SQUARE}, Unsupported.ASPECT_RATIO),
        ("veo-3.1-generate-001", {"aspect_ratio": None}, None),
        ("gen4_turbo", {"has_image": False}, Unsupported.NEEDS_IMAGE),
        ("gen4.5", {"has_image": False}, None),
        (
            "gen4.5",
            {"has_image": False, "aspect_ratio": SQUARE},
            Unsupported.ASPECT_RATIO,
        ),
        ("gemini-omni-1.2-flash", {"has_image": False}, None),
        ("gen4_turbo", {"has_last_image": True}, Unsupported.LAST_IMAGE),
        ("gemini-omni-1.2-flash", {"has_last_image": True}, Unsupported.LAST_IMAGE),
        ("veo-3.1-generate-001", {"has_last_image": True}, None),
    ],
)
def test_what_a_model_cannot_make_is_unsupported(
    model_id: str, asked: dict[str, object], reason: Unsupported | None
) -> None:
    plain = {"resolution": P720, "aspect_ratio": AspectRatio.LANDSCAPE}
    images = {"has_image": True, "has_last_image": False}
    fields = {**plain, **images, "audio": None, "prompt": "a cat", **asked}

    said = CATALOGUE[model_id].unsupported(**fields)  # type: ignore[arg-type]

    assert said is reason


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
def test_a_choice_names_the_providers_that_are_asked_first(
    choice: str, providers: tuple[ProviderId, ...]
) -> None:
    assert choice in MODEL_CHOICES
    assert chosen_by(choice) == providers


def test_both_runway_providers_are_one_account_with_the_same_models() -> None:
    sdk, http = PROVIDERS[ProviderId.RUNWAY], PROVIDERS[ProviderId.RUNWAY_HTTP]

    assert (sdk.vendor, sdk.models) == (http.vendor, http.models)
    assert sdk.polls_through is ProviderId.RUNWAY_HTTP
