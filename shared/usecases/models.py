"""The models of the chain, and what a job would cost before it is made."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from shared.domain import fallback, pricing
from shared.domain.catalogue import (
    CATALOGUE,
    PROVIDERS,
    ProviderId,
    TextModel,
    VideoModel,
)
from shared.domain.errors import ErrorCode
from shared.domain.job import PlannedProvider
from shared.domain.ledger import NOTHING, Limits
from shared.domain.prompt_translation import is_wanted, max_price_usd
from shared.domain.request import VideoRequest
from shared.guards.availability import Availability
from shared.guards.price_watch import PriceWatch


class OfferedModel(Struct, frozen=True, kw_only=True):
    """`barred`: why the provider would not be asked now; None if it would."""

    provider_id: ProviderId
    model: VideoModel
    barred: ErrorCode | None


class ListModels(Struct, frozen=True, kw_only=True):
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    availability: Availability

    def __call__(self) -> tuple[OfferedModel, ...]:
        """One for each provider of the chain, in its order."""
        bars = self.availability.bars(
            [self._cheapest(provider_id) for provider_id in self.chain]
        )
        return tuple(
            OfferedModel(
                provider_id=provider_id,
                model=CATALOGUE[self.models[provider_id]],
                barred=bars.get(provider_id),
            )
            for provider_id in self.chain
        )

    def _cheapest(self, provider_id: ProviderId) -> PlannedProvider:
        """One second of video at the lowest price that its model has."""
        model = CATALOGUE[self.models[provider_id]]
        return PlannedProvider(
            provider_id=provider_id,
            vendor=PROVIDERS[provider_id].vendor,
            model_id=model.model_id,
            duration_seconds=1,
            price_usd=min(model.usd_per_second.values()),
        )


class Estimated(Struct, frozen=True, kw_only=True):
    """`estimated_cost_usd`: the price of the first provider that would be asked now.

    `max_cost_usd`: the most that the job could cost, translated, if vendors charge for
    failures.
    `providers`: in the order they are asked. `bars`: why one would not be asked.
    """

    estimated_cost_usd: Decimal
    max_cost_usd: Decimal
    providers: tuple[PlannedProvider, ...]
    bars: Mapping[ProviderId, ErrorCode]


class Estimate(Struct, frozen=True, kw_only=True):
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    limits: Limits
    availability: Availability
    price_watch: PriceWatch
    translation_model: TextModel | None

    def __call__(self, request: VideoRequest) -> Estimated:
        """Creates and holds nothing. ExceedsLimit if no cap could ever admit it."""
        planned = fallback.plan_chain(request, self.chain, self.models)
        providers = self.price_watch.plan(planned, request.resolution)
        pricing.first_holds(providers, self.limits)
        bars = {**self._over_limit(providers), **self.availability.bars(providers)}
        asked = [p for p in providers if p.provider_id not in bars]
        return Estimated(
            estimated_cost_usd=pricing.first_price_usd(asked),
            max_cost_usd=pricing.max_cost_usd(providers) + self._translation(request),
            providers=providers,
            bars=bars,
        )

    def _translation(self, request: VideoRequest) -> Decimal:
        if self.translation_model is None or not is_wanted(request):
            return NOTHING
        return max_price_usd(self.translation_model, request.prompt)

    def _over_limit(
        self, providers: Sequence[PlannedProvider]
    ) -> dict[ProviderId, ErrorCode]:
        limits = {
            p.provider_id: pricing.over_limit(p.price_usd, self.limits)
            for p in providers
        }
        return {name: code for name, code in limits.items() if code}
