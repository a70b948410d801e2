"""What a job may cost: its first hold, its maximum, and what no cap could admit."""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.errors import ErrorCode, ExceedsLimit
from shared.domain.job import Attempt, PlannedProvider
from shared.domain.ledger import ZERO, Limits

# The most that one figure may raise a price. If the higher price is real, it is what
# the next attempt is expected to cost, and the same figure is believed then.
MAX_PRICE_FACTOR = 10


def first_price_usd(chain: Sequence[PlannedProvider]) -> Decimal:
    """The price of the first provider that can fulfil the request."""
    return next((p.price_usd for p in chain if p.unsupported is None), ZERO)


def max_cost_usd(chain: Sequence[PlannedProvider]) -> Decimal:
    """What a job costs if every vendor charges for it and only the last one delivers.

    A vendor is tried again only after an attempt that cost nothing, so it charges once.
    """
    prices: dict[str, Decimal] = {}
    for planned in chain:
        highest = max(prices.get(planned.vendor, ZERO), planned.price_usd)
        prices[planned.vendor] = highest
    return sum(prices.values(), ZERO)


def charged_usd(reported_usd: Decimal | None, attempt: Attempt) -> Decimal:
    """The vendor's own figure, as far as it is believed, or else the full price."""
    believed = believed_usd(reported_usd, attempt.price_usd)
    return attempt.full_price_usd if believed is None else believed


def believed_usd(reported_usd: Decimal | None, expected_usd: Decimal) -> Decimal | None:
    """A reported figure, but no more than ten times the expected price.

    None if it can't be a price. A mistaken unit could otherwise use up a month's caps.
    """
    if reported_usd is None or not reported_usd.is_finite() or reported_usd < 0:
        return None
    return min(reported_usd, expected_usd * MAX_PRICE_FACTOR)


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
    are those of cheaper providers, which are tried if the caps have no more room.
    ExceedsLimit if no cap could ever admit any provider.
    """
    prices = [p.price_usd for p in chain if p.unsupported is None]
    holds: list[Decimal] = []
    for price in prices:
        if over_limit(price, limits) is None and (not holds or price < holds[-1]):
            holds.append(price)
    if prices and not holds:
        raise ExceedsLimit
    return tuple(holds) or (ZERO,)
