"""Prices that vendors were seen to charge above the catalogue's, until it is edited."""

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal

from msgspec import Struct, field

from shared.domain.catalogue import CATALOGUE, Resolution
from shared.domain.job import Attempt, PlannedProvider
from shared.domain.ledger import MICRO, ZERO
from shared.domain.structs import replace


class ObservedPrice(Struct, frozen=True, kw_only=True):
    """In USD per second. `listed_usd`: the catalogue's price when this was charged."""

    listed_usd: Decimal
    charged_usd: Decimal


class ObservedPrices(Struct, frozen=True, kw_only=True):
    """By model and resolution; only prices above the catalogue's are kept."""

    prices: Mapping[str, ObservedPrice] = field(default_factory=dict)


def observe(
    before: ObservedPrices,
    attempt: Attempt,
    resolution: Resolution,
    charged_usd: Decimal,
) -> ObservedPrices:
    """With this charge, which replaces earlier ones for the same model and resolution.

    A charge that the catalogue's price covers only removes them. The price per second
    is rounded up, so that planned prices are never too low.
    """
    listed = _listed(attempt.model_id, resolution)
    key = _key(attempt.model_id, resolution)
    others = {name: price for name, price in before.prices.items() if name != key}
    per_second = charged_usd / attempt.duration_seconds
    charged = per_second.quantize(MICRO, rounding=ROUND_UP)
    if listed is None or charged <= listed:
        return ObservedPrices(prices=others)
    price = ObservedPrice(listed_usd=listed, charged_usd=charged)
    return ObservedPrices(prices={**others, key: price})


def at_observed_price(
    planned: PlannedProvider, resolution: Resolution, observed: ObservedPrices
) -> PlannedProvider:
    """Priced at the highest of its own price, the catalogue's and the observed one.

    Its own price is the catalogue's of when its job was created. An observed price no
    longer counts once the catalogue's price has changed.
    """
    if planned.unsupported is not None:
        return planned  # it costs nothing
    listed = _listed(planned.model_id, resolution)
    found = observed.prices.get(_key(planned.model_id, resolution))
    is_current = found is not None and found.listed_usd == listed
    per_second = found.charged_usd if found and is_current else listed or ZERO
    price_usd = max(planned.price_usd, per_second * planned.duration_seconds)
    return replace(planned, price_usd=price_usd)


def _key(model_id: str, resolution: Resolution) -> str:
    return f"{model_id} {resolution}"


def _listed(model_id: str, resolution: Resolution) -> Decimal | None:
    model = CATALOGUE.get(model_id)
    return model.usd_per_second.get(resolution) if model else None
