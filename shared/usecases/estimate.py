"""The price of a job before it is made, and what each provider would make of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.domain import fallback, pricing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import PlannedProvider
from shared.domain.ledger import Limits
from shared.domain.request import VideoRequest
from shared.guards.availability import Availability


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """`estimated_cost_usd`: the price of the first provider that would be asked now.

    `max_cost_usd`: the most that the job could cost, if vendors charge for failures.
    `providers`: in the order they are asked. `bars`: why one would not be asked.
    """

    estimated_cost_usd: Decimal
    max_cost_usd: Decimal
    providers: tuple[PlannedProvider, ...]
    bars: Mapping[ProviderId, ErrorCode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    limits: Limits
    availability: Availability

    def __call__(self, request: VideoRequest) -> Estimated:
        """Creates and holds nothing. ExceedsLimit if no cap could ever admit it."""
        providers = fallback.plan_chain(request, self.chain, self.models)
        pricing.first_holds(providers, self.limits)
        bars = {**self._over_limit(providers), **self.availability.bars(providers)}
        asked = [p for p in providers if p.provider_id not in bars]
        return Estimated(
            estimated_cost_usd=pricing.first_price_usd(asked),
            max_cost_usd=pricing.max_cost_usd(providers),
            providers=providers,
            bars=bars,
        )

    def _over_limit(
        self, providers: Sequence[PlannedProvider]
    ) -> dict[ProviderId, ErrorCode]:
        limits = {
            p.provider_id: pricing.over_limit(p.price_usd, self.limits)
            for p in providers
        }
        return {name: code for name, code in limits.items() if code}
