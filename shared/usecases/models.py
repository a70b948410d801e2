"""The models of the chain, and what a job would cost before it is made."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from shared.domain import fallback, pricing
from shared.domain.catalogue import (
    CATALOGUE,
    PROVIDERS,
    ProviderId,
    TextModel,
    VideoModel,
    model_choices,
)
from shared.domain.errors import (
    ABOVE_CAP,
    ApiError,
    ExceedsLimit,
    GenerationPaused,
    Problem,
)
from shared.domain.job import PlannedProvider
from shared.domain.kill_switch import Level
from shared.domain.ledger import NOTHING, Limits
from shared.domain.poll_plan import TaskTimes
from shared.domain.prompt_translation import is_wanted, max_price_usd
from shared.domain.request import VideoRequest
from shared.guards.availability import Availability
from shared.guards.price_watch import PriceWatch
from shared.ports.identity import Caller
from shared.usecases.webhooks import requested_webhook


class OfferedModel(Struct, frozen=True, kw_only=True):
    """`barred`: why the provider would not be asked now; None if it would.

    `usual_seconds`: by duration, how long it takes, where that is known.
    """

    provider_id: ProviderId
    model: VideoModel
    barred: Problem | None
    usual_seconds: Mapping[int, int]


class ListModels(Struct, frozen=True, kw_only=True):
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    availability: Availability
    task_times: Callable[[], TaskTimes]

    def __call__(self) -> tuple[OfferedModel, ...]:
        """One for each provider of the chain, in its order."""
        times = self.task_times()
        bars = self.availability.bars(
            [self._cheapest(provider_id) for provider_id in self.chain]
        )
        return tuple(
            OfferedModel(
                provider_id=provider_id,
                model=CATALOGUE[self.models[provider_id]],
                barred=bars.get(provider_id),
                usual_seconds=_usual(CATALOGUE[self.models[provider_id]], times),
            )
            for provider_id in self.chain
        )

    def choices(self) -> tuple[str, ...]:
        """The names by which a request asks for one of them first, and `auto`."""
        return model_choices(self.chain)

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


def _usual(model: VideoModel, times: TaskTimes) -> Mapping[int, int]:
    usual = {d: times.usual_seconds(model.model_id, d) for d in model.durations_seconds}
    return {duration: seconds for duration, seconds in usual.items() if seconds}


class Estimated(Struct, frozen=True, kw_only=True):
    """`estimated_cost_usd`: the price of the first provider that would be asked now;
    where nothing would, of the first one that would be asked but for `refused`.

    `max_cost_usd`: the most that the job could cost, translated, if vendors charge for
    failures.
    `providers`: in the order they are asked. `bars`: why one would not be asked.
    `refused`: why no job would be created; None if one would.
    """

    estimated_cost_usd: Decimal
    max_cost_usd: Decimal
    providers: tuple[PlannedProvider, ...]
    bars: Mapping[ProviderId, Problem]
    refused: ApiError | None


class Estimate(Struct, frozen=True, kw_only=True):
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    limits: Limits
    availability: Availability
    price_watch: PriceWatch
    translation_model: TextModel | None
    signs_webhooks: bool

    def __call__(self, caller: Caller, request: VideoRequest) -> Estimated:
        """Creates and holds nothing. InvalidRequest and NotOffered as `CreateVideo`."""
        requested_webhook(caller, request, signs_webhooks=self.signs_webhooks)
        planned = fallback.plan_chain(request, self.chain, self.models)
        providers = self.price_watch.plan(planned, request.resolution)
        may_be_asked = fallback.within(providers, self.chain)
        refused = self._refused(may_be_asked)
        expensive = self._over_limit(providers)
        bars = {**expensive, **self.availability.bars(providers)}
        costs = self._bars_beside(refused, providers, expensive) if refused else bars
        asked = [p for p in providers if p.provider_id not in costs]
        return Estimated(
            estimated_cost_usd=pricing.first_price_usd(asked),
            max_cost_usd=pricing.max_cost_usd(may_be_asked)
            + self._translation(request),
            providers=providers,
            bars=bars,
            refused=refused,
        )

    def _refused(self, may_be_asked: Sequence[PlannedProvider]) -> ApiError | None:
        """What `CreateVideo` would raise, in its order."""
        if self.availability.is_paused():
            return GenerationPaused()
        try:
            pricing.first_holds(may_be_asked, self.limits)
        except ExceedsLimit as refused:
            return refused
        return None

    def _bars_beside(
        self,
        refused: ApiError,
        providers: Sequence[PlannedProvider],
        expensive: Mapping[ProviderId, Problem],
    ) -> Mapping[ProviderId, Problem]:
        """Without what refuses the job as a whole: a price of 0 would read as free."""
        over = {} if isinstance(refused, ExceedsLimit) else expensive
        return {**over, **self.availability.bars(providers, level=Level.NORMAL)}

    def _translation(self, request: VideoRequest) -> Decimal:
        if self.translation_model is None or not is_wanted(request):
            return NOTHING
        return max_price_usd(self.translation_model, request.prompt)

    def _over_limit(
        self, providers: Sequence[PlannedProvider]
    ) -> dict[ProviderId, Problem]:
        limits = {
            p.provider_id: pricing.over_limit(p.price_usd, self.limits)
            for p in providers
        }
        return {
            name: Problem(code=code, detail=ABOVE_CAP)
            for name, code in limits.items()
            if code
        }
