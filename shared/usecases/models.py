"""Lists the models of the chain, and estimates what a job would cost."""

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
from shared.domain.ledger import ZERO, Limits
from shared.domain.poll_plan import TaskTimes
from shared.domain.prompt_translation import is_wanted, max_price_usd
from shared.domain.request import VideoRequest
from shared.guards.availability import Availability
from shared.guards.price_watch import PriceWatch
from shared.ports.identity import Caller
from shared.usecases.webhooks import requested_webhook


class OfferedModel(Struct, frozen=True, kw_only=True):
    """`skip_reason`: why the provider would be skipped now; None if it wouldn't.

    `usual_seconds`: how long a generation usually takes, by the video's duration; only
    durations for which that is known.
    """

    provider_id: ProviderId
    model: VideoModel
    skip_reason: Problem | None
    usual_seconds: Mapping[int, int]


class ListModels(Struct, frozen=True, kw_only=True):
    chain: tuple[ProviderId, ...]
    models: Mapping[ProviderId, str]
    availability: Availability
    task_times: Callable[[], TaskTimes]

    def __call__(self) -> tuple[OfferedModel, ...]:
        """One for each provider of the chain, in the chain's order."""
        times = self.task_times()
        skip_reasons = self.availability.reasons_to_skip(
            [self._cheapest(provider_id) for provider_id in self.chain]
        )
        return tuple(
            OfferedModel(
                provider_id=provider_id,
                model=CATALOGUE[self.models[provider_id]],
                skip_reason=skip_reasons.get(provider_id),
                usual_seconds=_usual(CATALOGUE[self.models[provider_id]], times),
            )
            for provider_id in self.chain
        )

    def choices(self) -> tuple[str, ...]:
        """All values of a request's `model` that this chain allows, `auto` included."""
        return model_choices(self.chain)

    def _cheapest(self, provider_id: ProviderId) -> PlannedProvider:
        """One second of video at its model's lowest price."""
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
    """`estimated_cost_usd`: the price of the first provider that would be asked now; if
    the job would be `refused`, of the first one that would be asked otherwise.

    `max_cost_usd`: the most that the job could cost, its translation included, if
    vendors charge for failures; without providers that cost more than a whole cap.
    `providers`: in the order in which they are asked. `skip_reasons`: why providers
    would be skipped. `refused`: why no job would be created; None if one would.
    """

    estimated_cost_usd: Decimal
    max_cost_usd: Decimal
    providers: tuple[PlannedProvider, ...]
    skip_reasons: Mapping[ProviderId, Problem]
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
        """Creates and holds nothing. Raises InvalidRequest and NotOffered where
        `CreateVideo` does.
        """
        requested_webhook(caller, request, signs_webhooks=self.signs_webhooks)
        planned = fallback.plan_chain(request, self.chain, self.models)
        providers = self.price_watch.plan(planned, request.resolution)
        may_be_asked = fallback.in_chain(providers, self.chain)
        refused = self._refused(may_be_asked)
        expensive = self._over_limit(providers)
        skip_reasons = {**expensive, **self.availability.reasons_to_skip(providers)}
        costs = skip_reasons
        if refused:
            # With the refusal, all would be skipped, and an estimate of 0 would look as
            # if the video were free.
            over = {} if isinstance(refused, ExceedsLimit) else expensive
            normal = self.availability.reasons_to_skip(providers, level=Level.NORMAL)
            costs = {**over, **normal}
        asked = [p for p in providers if p.provider_id not in costs]
        affordable = [p for p in may_be_asked if p.provider_id not in expensive]
        return Estimated(
            estimated_cost_usd=pricing.first_price_usd(asked),
            # If no cap admits any of them, what the job would need.
            max_cost_usd=pricing.max_cost_usd(affordable or may_be_asked)
            + self._translation(request),
            providers=providers,
            skip_reasons=skip_reasons,
            refused=refused,
        )

    def _refused(self, may_be_asked: Sequence[PlannedProvider]) -> ApiError | None:
        """What `CreateVideo` would raise; it checks in the same order."""
        try:
            self.availability.require_running()
            pricing.first_holds(may_be_asked, self.limits)
        except (GenerationPaused, ExceedsLimit) as refused:
            return refused
        return None

    def _translation(self, request: VideoRequest) -> Decimal:
        if self.translation_model is None or not is_wanted(request):
            return ZERO
        return max_price_usd(self.translation_model, request.prompt)

    def _over_limit(
        self, providers: Sequence[PlannedProvider]
    ) -> dict[ProviderId, Problem]:
        return {
            p.provider_id: Problem(code=code, detail=ABOVE_CAP)
            for p in providers
            if (code := pricing.over_limit(p.price_usd, self.limits))
        }
