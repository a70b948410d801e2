"""The chain as it stands: each link's model, and whether it would be asked now."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.catalogue import CATALOGUE, PROVIDERS, ProviderId, VideoModel
from shared.domain.errors import ErrorCode
from shared.domain.job import PlannedProvider
from shared.guards.availability import Availability


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModel:
    """`barred`: why the link would not be asked now; None if it would."""

    provider_id: ProviderId
    model: VideoModel
    barred: ErrorCode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListModels:
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    availability: Availability

    def __call__(self) -> tuple[OfferedModel, ...]:
        """In the order in which they are asked."""
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
        """One second of the least that the link can be asked for."""
        model = CATALOGUE[self.models[provider_id]]
        return PlannedProvider(
            provider_id=provider_id,
            vendor=PROVIDERS[provider_id].vendor,
            model_id=model.model_id,
            duration_seconds=1,
            price_usd=min(model.usd_per_second.values()),
        )
