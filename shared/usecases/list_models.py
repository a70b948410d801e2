"""The chain as it stands: each link's model, and whether it would be asked now."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.catalogue import CATALOGUE, VENDORS, Link, VideoModel
from shared.domain.errors import ErrorCode
from shared.domain.job import PlannedLink
from shared.usecases.availability import Availability


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModel:
    """`barred`: why the link would not be asked now; None if it would."""

    link: Link
    model: VideoModel
    barred: ErrorCode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListModels:
    chain: tuple[Link, ...]
    models: Mapping[Link, str]
    availability: Availability

    def __call__(self) -> tuple[OfferedModel, ...]:
        """In the order in which they are asked."""
        bars = self.availability.bars([self._cheapest(link) for link in self.chain])
        return tuple(
            OfferedModel(
                link=link,
                model=CATALOGUE[self.models[link]],
                barred=bars.get(link),
            )
            for link in self.chain
        )

    def _cheapest(self, link: Link) -> PlannedLink:
        """One second of the least that the link can be asked for."""
        model = CATALOGUE[self.models[link]]
        return PlannedLink(
            link=link,
            vendor=VENDORS[link],
            model_id=model.model_id,
            duration_seconds=1,
            price_usd=min(model.usd_per_second.values()),
        )
