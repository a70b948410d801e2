"""Prices above the catalogue's that vendors charged, and how later plans use them."""

from decimal import Decimal

import pytest

from shared.domain import observed_prices
from shared.domain.catalogue import CATALOGUE, ProviderId, Resolution
from shared.domain.job import Attempt, PlannedProvider
from shared.domain.observed_prices import ObservedPrices, at_observed_price, observe
from shared.domain.structs import replace
from tests.domain.examples import a_job, at_provider, running

P720 = Resolution.P720
NONE = ObservedPrices()


def an_attempt(**fields: int) -> Attempt:
    return at_provider(running(a_job(**fields), ProviderId.RUNWAY), ProviderId.RUNWAY)


def planned(**fields: int) -> PlannedProvider:
    return a_job(**fields).chain[0]


def price(observed: ObservedPrices, **fields: int) -> Decimal:
    return at_observed_price(planned(**fields), P720, observed).price_usd


@pytest.mark.parametrize(
    ("charged", "seconds", "price_usd"),
    [
        pytest.param("0.80", 8, "0.80", id="more"),
        pytest.param("0.80", 5, "0.50", id="more, for another length"),
        pytest.param("0.40", 8, "0.40", id="as listed"),
        pytest.param("0.10", 8, "0.40", id="less: the list price stays"),
    ],
)
def test_plans_use_the_higher_price(charged: str, seconds: int, price_usd: str) -> None:
    observed = observe(NONE, an_attempt(duration=8), P720, Decimal(charged))

    assert price(observed, duration=seconds) == Decimal(price_usd)


def test_a_price_per_second_is_rounded_up() -> None:
    observed = observe(NONE, an_attempt(duration=3), P720, Decimal("0.40"))

    assert Decimal("0.40") <= price(observed, duration=3) < Decimal("0.40001")


def test_an_observed_price_holds_for_one_model_at_one_resolution() -> None:
    observed = observe(NONE, an_attempt(), P720, Decimal(9))
    veo = a_job(chain=(ProviderId.VEO,)).chain[0]

    assert at_observed_price(veo, P720, observed) == veo
    assert at_observed_price(planned(), Resolution.P1080, observed) == planned()


def test_the_latest_charge_counts() -> None:
    expensive = observe(NONE, an_attempt(), P720, Decimal("1.60"))

    cheaper = observe(expensive, an_attempt(), P720, Decimal("0.80"))
    listed = observe(cheaper, an_attempt(), P720, Decimal("0.40"))

    assert price(cheaper) == Decimal("0.80")
    assert listed == NONE


@pytest.mark.parametrize(
    ("listed", "price_usd"),
    [
        pytest.param("0.09", "0.72", id="higher: also for jobs under way"),
        pytest.param("0.04", "0.40", id="lower: they keep theirs"),
    ],
)
def test_a_new_list_price_discards_the_old_one(
    monkeypatch: pytest.MonkeyPatch, listed: str, price_usd: str
) -> None:
    observed = observe(NONE, an_attempt(), P720, Decimal("0.80"))
    edited = replace(CATALOGUE["gen4_turbo"], usd_per_second={P720: Decimal(listed)})
    monkeypatch.setattr(observed_prices, "CATALOGUE", {"gen4_turbo": edited})

    assert price(observed) == price(NONE) == Decimal(price_usd)


def test_a_provider_that_cannot_make_the_video_costs_nothing() -> None:
    observed = observe(NONE, an_attempt(), P720, Decimal("0.80"))
    silent, *_ = a_job(audio=True).chain

    assert at_observed_price(silent, P720, observed).price_usd == 0


def test_no_removed_model_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed_prices, "CATALOGUE", {})

    assert observe(NONE, an_attempt(), P720, Decimal(9)) == NONE
