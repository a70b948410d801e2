"""The price before: what a job would hold, and what each link would make of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.domain import fallback
from shared.domain.catalogue import Link
from shared.domain.errors import ErrorCode
from shared.domain.job import PlannedLink, dearest_usd
from shared.domain.request import VideoRequest
from shared.usecases.availability import Availability


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """`max_cost_usd`: what a job would hold. `links`: in the order they are asked.

    `bars`: why a link would not be asked.
    """

    max_cost_usd: Decimal
    links: tuple[PlannedLink, ...]
    bars: Mapping[Link, ErrorCode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    chain: tuple[Link, ...]
    models: Mapping[Link, str]
    availability: Availability

    def __call__(self, request: VideoRequest) -> Estimated:
        """Creates and holds nothing."""
        links = fallback.order(request, self.chain, self.models)
        return Estimated(
            max_cost_usd=dearest_usd(links),
            links=links,
            bars=self.availability.bars(links),
        )
