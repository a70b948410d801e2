"""What a job may cost: what is held for it first, at most, and what no cap admits."""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.errors import ErrorCode, ExceedsLimit
from shared.domain.job import PlannedProvider
from shared.domain.ledger import NOTHING, Limits

# Far above any video's price: a figure beyond it is a mistake of the vendor's.
MOST_CHARGE_USD = Decimal(1000)


def first_price_usd(chain: Sequence[PlannedProvider]) -> Decimal:
    """The price of the first provider that can make what was asked."""
    return next((p.price_usd for p in chain if p.unsupported is None), NOTHING)


def max_cost_usd(chain: Sequence[PlannedProvider]) -> Decimal:
    """What a job costs if every vendor charges for it and only the last one delivers.

    A vendor is asked again only after an attempt that cost nothing, so it charges once.
    """
    prices: dict[str, Decimal] = {}
    for planned in chain:
        highest = max(prices.get(planned.vendor, NOTHING), planned.price_usd)
        prices[planned.vendor] = highest
    return sum(prices.values(), NOTHING)


def charged_usd(said_usd: Decimal | None, price_usd: Decimal) -> Decimal:
    """A vendor's own figure, or the price where it gives none that can be one."""
    if said_usd is None or not said_usd.is_finite():
        return price_usd
    return said_usd if NOTHING <= said_usd <= MOST_CHARGE_USD else price_usd


def over_limit(price_usd: Decimal, limits: Limits) -> ErrorCode | None:
    """The cap that this price exceeds even if nothing else is ever spent."""
    for caps in limits.caps():
        if caps.daily_usd is not None and price_usd > caps.daily_usd:
            return ErrorCode.DAILY_LIMIT_REACHED
        if caps.monthly_usd is not None and price_usd > caps.monthly_usd:
            return ErrorCode.MONTHLY_LIMIT_REACHED
    return None


def first_holds(
    chain: Sequence[PlannedProvider], limits: Limits
) -> tuple[Decimal, ...]:
    """The amounts to try to hold for a new job, each lower than the one before.

    The first is the price of the first provider that some cap could admit; the others
    are those of cheaper providers, which are asked if the caps have no more room.
    ExceedsLimit if no cap could ever admit any provider.
    """
    prices = [p.price_usd for p in chain if p.unsupported is None]
    holds: list[Decimal] = []
    for price in prices:
        if over_limit(price, limits) is None and (not holds or price < holds[-1]):
            holds.append(price)
    if prices and not holds:
        raise ExceedsLimit
    return tuple(holds) or (NOTHING,)
