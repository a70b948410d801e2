"""What is held for a job first, what it costs at most, and what no cap admits."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, ExceedsLimit
from shared.domain.ledger import Caps, Limits
from shared.domain.pricing import first_holds, first_price_usd, max_cost_usd, over_limit
from tests.domain.examples import CHAIN, HTTP, OMNI, RUNWAY, VEO, a_new_job


def usd(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


@pytest.mark.parametrize(
    ("chain", "fields", "first", "most"),
    [
        pytest.param(CHAIN, {}, "0.40", "4.40", id="each vendor charges once"),
        pytest.param((RUNWAY, HTTP), {}, "0.40", "0.40", id="one vendor"),
        pytest.param((VEO, RUNWAY), {}, "3.20", "3.60", id="in the order of the chain"),
        pytest.param(CHAIN, {"audio": True}, "3.20", "4.00", id="who can't make it"),
        pytest.param((RUNWAY,), {"audio": True}, "0", "0", id="none can make it"),
    ],
)
def test_a_job_costs_its_first_provider_or_at_most_every_vendor(
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
@pytest.mark.parametrize("scope", ["everybody", "user"])
@pytest.mark.parametrize("period", ["daily_usd", "monthly_usd"])
def test_a_new_job_holds_the_first_price_that_a_cap_could_admit(
    chain: tuple[ProviderId, ...],
    cap: str | None,
    holds: list[str],
    scope: str,
    period: str,
) -> None:
    caps = Caps(**{period: Decimal(cap)}) if cap else Caps()
    limits = Limits(**{scope: caps})  # type: ignore[arg-type] # by name

    assert first_holds(a_new_job(chain=chain).chain, limits) == usd(*holds)


def test_what_exceeds_every_cap_is_never_admitted() -> None:
    limits = Limits(user=Caps(daily_usd=Decimal("0.39")))

    with pytest.raises(ExceedsLimit):
        first_holds(a_new_job().chain, limits)


def test_a_job_that_no_provider_can_make_holds_nothing() -> None:
    chain = a_new_job(chain=(RUNWAY,), audio=True).chain

    assert first_holds(chain, Limits(user=Caps(daily_usd=Decimal(0)))) == usd("0")


def test_a_price_above_a_cap_names_that_cap() -> None:
    limits = Limits(everybody=Caps(monthly_usd=Decimal(1)))

    assert over_limit(Decimal("1.01"), limits) is ErrorCode.MONTHLY_LIMIT_REACHED
    assert over_limit(Decimal(1), limits) is None
