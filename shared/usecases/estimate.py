"""The price before: what a job would hold, and what each link would make of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.domain import fallback
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import PlannedProvider, highest_price_usd
from shared.domain.request import VideoRequest
from shared.guards.availability import Availability


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """`max_cost_usd`: what a job would hold. `links`: in the order they are asked.

    `bars`: why a link would not be asked.
    """

    max_cost_usd: Decimal
    providers: tuple[PlannedProvider, ...]
    bars: Mapping[ProviderId, ErrorCode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    availability: Availability

    def __call__(self, request: VideoRequest) -> Estimated:
        """Creates and holds nothing."""
        providers = fallback.plan_chain(request, self.chain, self.models)
        return Estimated(
            max_cost_usd=highest_price_usd(providers),
            providers=providers,
            bars=self.availability.bars(providers),
        )
