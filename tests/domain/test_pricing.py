"""A new job's hold, its maximum cost, and the prices that no cap admits."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ExceedsLimit
from shared.domain.ledger import Caps, Limits
from shared.domain.pricing import (
    charged_usd,
    first_holds,
    first_price_usd,
    max_cost_usd,
)
from shared.domain.structs import replace
from tests.domain.examples import (
    CHAIN,
    HTTP,
    OMNI,
    RUNWAY,
    VEO,
    a_job,
    a_new_job,
    at_provider,
    running,
)


def usd(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


@pytest.mark.parametrize(
    ("chain", "fields", "first", "most"),
    [
        pytest.param(CHAIN, {}, "0.40", "4.40", id="each vendor charges once"),
        pytest.param((RUNWAY, HTTP), {}, "0.40", "0.40", id="one vendor"),
        pytest.param((VEO, RUNWAY), {}, "3.20", "3.60", id="in the order of the chain"),
        pytest.param(CHAIN, {"audio": True}, "3.20", "4.00", id="Runway can't make it"),
        pytest.param(
            (RUNWAY,), {"audio": True}, "0", "0", id="no provider can make it"
        ),
    ],
)
def test_a_job_costs_its_first_provider_and_at_most_every_vendor(
    chain: tuple[ProviderId, ...], fields: dict[str, Any], first: str, most: str
) -> None:
    planned = a_new_job(chain=chain, **fields).chain

    assert (first_price_usd(planned), max_cost_usd(planned)) == usd(first, most)


@pytest.mark.parametrize(
    ("chain", "cap", "holds"),
    [
        pytest.param(CHAIN, None, ["0.40"], id="nothing later is cheaper"),
        pytest.param((VEO, OMNI, RUNWAY), None, ["3.20", "0.80", "0.40"], id="cheaper"),
        pytest.param((VEO, RUNWAY, OMNI), "3.00", ["0.40"], id="the first never fits"),
        pytest.param((VEO, OMNI), "3.20", ["3.20", "0.80"], id="to the cent"),
    ],
)
@pytest.mark.parametrize("scope", ["all_users", "user"])
@pytest.mark.parametrize("period", ["daily_usd", "monthly_usd"])
def test_a_new_job_holds_the_first_price_that_fits_the_cap(
    chain: tuple[ProviderId, ...],
    cap: str | None,
    holds: list[str],
    scope: str,
    period: str,
) -> None:
    caps = Caps(**{period: Decimal(cap)}) if cap else Caps()
    limits = Limits(**{scope: caps})  # type: ignore[arg-type] # by name

    assert first_holds(a_new_job(chain=chain).chain, limits) == usd(*holds)


def test_a_price_above_the_cap_is_never_admitted() -> None:
    limits = Limits(user=Caps(daily_usd=Decimal("0.39")))

    with pytest.raises(ExceedsLimit):
        first_holds(a_new_job().chain, limits)


def test_the_price_of_a_provider_that_cannot_make_the_video_is_not_held() -> None:
    chain = a_new_job(audio=True).chain

    assert first_holds(chain, Limits()) == usd("3.20", "0.80")


def test_a_job_that_no_provider_can_make_holds_nothing() -> None:
    chain = a_new_job(chain=(RUNWAY,), audio=True).chain

    assert first_holds(chain, Limits(user=Caps(daily_usd=Decimal(0)))) == usd("0")


@pytest.mark.parametrize(
    ("reported", "announced", "charged"),
    [
        pytest.param(None, None, "0.40", id="no figure"),
        pytest.param(None, "0.80", "0.80", id="no figure, but a maximum"),
        pytest.param(None, "0.20", "0.40", id="no figure, and a lower maximum"),
        pytest.param("0", None, "0", id="nothing"),
        pytest.param("0.80", None, "0.80", id="twice the price"),
        pytest.param("4.00", None, "4.00", id="ten times"),
        pytest.param("4.01", None, "4.00", id="more than ten times"),
        pytest.param("999", "3.90", "4.00", id="whatever maximum was announced"),
        pytest.param("1E+400", None, "4.00", id="enormous"),
        pytest.param("-1", "0.80", "0.80", id="negative"),
        pytest.param("Infinity", None, "0.40", id="infinite"),
        pytest.param("sNaN", None, "0.40", id="not a number"),
    ],
)
def test_a_vendors_figure_is_believed_up_to_ten_times_the_expected_price(
    reported: str | None, announced: str | None, charged: str
) -> None:
    attempt = replace(
        at_provider(running(a_job(), RUNWAY), RUNWAY),
        vendor_max_usd=Decimal(announced) if announced else None,
    )
    figure = Decimal(reported) if reported else None

    assert charged_usd(figure, attempt) == Decimal(charged)
