"""Estimates, and which providers would be asked at the moment."""

from decimal import Decimal

import pytest

from shared.domain.catalogue import DEFAULT_MODELS, ProviderId
from shared.domain.errors import (
    ABOVE_CAP,
    NOT_IN_CHAIN,
    ErrorCode,
    ExceedsLimit,
    GenerationPaused,
    InvalidRequest,
    NotOffered,
    Problem,
)
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits
from shared.domain.poll_plan import TaskTimes, TaskTiming, task_kind
from shared.domain.request import Translate
from shared.domain.structs import replace
from shared.ports.identity import Caller
from shared.usecases.models import Estimate, Estimated
from tests.domain.examples import CHAIN, a_request
from tests.fakes.jobs import FakeJobs
from tests.fakes.provider_reports import FakeProviderReports
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann")


def estimate(harness: Harness, *not_configured: ProviderId) -> Estimate:
    harness.reports = FakeProviderReports(*not_configured)
    return harness.estimate


def codes(estimated: Estimated) -> dict[ProviderId, ErrorCode]:
    return {name: problem.code for name, problem in estimated.skip_reasons.items()}


def test_an_estimates_maximum_includes_the_translation_but_its_price_does_not() -> None:
    english, korean = a_request(), a_request(prompt="고양이가 창밖을 바라본다")

    plain, translated = (
        estimate(Harness())(ANN, english),
        estimate(Harness())(ANN, korean),
    )
    off = estimate(Harness())(ANN, replace(korean, translate=Translate.OFF))

    assert translated.estimated_cost_usd == plain.estimated_cost_usd
    assert Decimal(0) < translated.max_cost_usd - plain.max_cost_usd < Decimal("0.01")
    assert off.max_cost_usd == plain.max_cost_usd
    without_translator = replace(estimate(Harness()), translation_model=None)
    assert without_translator(ANN, korean).max_cost_usd == plain.max_cost_usd


def test_an_estimate_has_the_first_price_and_the_maximum() -> None:
    harness, request = Harness(), a_request(duration=5)
    create = harness.create_video

    estimated = estimate(harness)(ANN, request)

    assert harness.jobs.all == []
    created = create(ANN, request, Language.ENGLISH)
    assert estimated.estimated_cost_usd == created.job.hold_usd == Decimal("0.25")
    assert estimated.max_cost_usd == Decimal("3.15")
    assert estimated.providers == created.job.chain


def test_an_estimate_is_for_the_first_provider_that_would_be_asked() -> None:
    runway = (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP)

    estimated = estimate(Harness(), *runway)(ANN, a_request(duration=8))

    assert estimated.estimated_cost_usd == Decimal("3.20")


def test_an_estimate_is_0_if_every_provider_would_be_skipped() -> None:
    estimated = estimate(Harness(), *CHAIN)(ANN, a_request())

    assert set(codes(estimated).values()) == {ErrorCode.NOT_CONFIGURED}
    assert estimated.estimated_cost_usd == 0
    assert estimated.refused is None


def test_a_provider_above_a_cap_would_be_skipped_and_the_next_one_asked() -> None:
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=Decimal(1)))))

    estimated = estimate(harness)(ANN, a_request(model="gemini-veo-3.1"))

    above = Problem(code=ErrorCode.DAILY_LIMIT_REACHED, detail=ABOVE_CAP)
    assert estimated.skip_reasons == {ProviderId.VEO: above}
    assert estimated.estimated_cost_usd == Decimal("0.40")
    assert estimated.max_cost_usd == Decimal("1.20")  # Runway, then Omni


def test_an_estimate_while_spending_is_tight_is_for_a_cheap_provider() -> None:
    harness = Harness()
    harness.set_level(Level.TIGHT)

    estimated = estimate(harness)(ANN, a_request(model="gemini-veo-3.1"))

    assert codes(estimated) == {ProviderId.VEO: ErrorCode.GENERATION_PAUSED}
    assert estimated.estimated_cost_usd == Decimal("0.40")


def test_an_estimate_while_paused_leaves_out_a_provider_above_a_cap() -> None:
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=Decimal(1)))))
    harness.set_level(Level.PAUSED)

    estimated = estimate(harness)(ANN, a_request(model="gemini-veo-3.1"))

    assert estimated.estimated_cost_usd == Decimal("0.40")


def test_an_estimate_above_every_cap_has_a_price_and_a_refusal() -> None:
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=Decimal("0.39")))))

    estimated = estimate(harness)(ANN, a_request())

    assert isinstance(estimated.refused, ExceedsLimit)
    assert estimated.estimated_cost_usd == Decimal("0.40")
    assert estimated.max_cost_usd > Decimal("0.40")
    with pytest.raises(ExceedsLimit):
        harness.create_video(ANN, a_request(), Language.ENGLISH)


@pytest.mark.parametrize("choice", ["auto", "gemini-veo-3.1"])
def test_an_estimate_while_paused_has_a_price_and_a_refusal(choice: str) -> None:
    """A price of 0 reads as free."""
    harness, request = Harness(), a_request(model=choice)
    later = estimate(harness)(ANN, request)
    paused = Harness()
    paused.set_level(Level.PAUSED)

    estimated = estimate(paused)(ANN, request)

    assert later.refused is None
    assert isinstance(estimated.refused, GenerationPaused)
    assert set(codes(estimated).values()) == {ErrorCode.GENERATION_PAUSED}
    assert estimated.estimated_cost_usd == later.estimated_cost_usd > 0
    with pytest.raises(GenerationPaused):
        paused.create_video(ANN, request, Language.ENGLISH)


def test_an_estimate_refuses_the_webhook_that_a_video_refuses() -> None:
    harness = Harness()
    request = a_request(webhook_url="https://example.com/hook")
    server = Caller(user_id="ann", key_id="k1")

    for ask in (
        lambda: estimate(harness)(ANN, request),
        lambda: harness.create_video(ANN, request, Language.ENGLISH),
    ):
        with pytest.raises(InvalidRequest) as refused:
            ask()
        assert refused.value.errors[0].reason == "needs_api_key"
    assert estimate(harness)(server, request).refused is None
    unsigned = replace(estimate(harness), signs_webhooks=False)
    with pytest.raises(NotOffered):
        unsigned(server, request)


VEO_LEFT_OUT = (ProviderId.RUNWAY_HTTP, ProviderId.OMNI)


def test_a_provider_beyond_the_chain_is_never_part_of_a_price() -> None:
    harness = Harness(chain=VEO_LEFT_OUT)
    request = a_request(model="gemini-veo-3.1", duration=5)

    estimated = estimate(harness)(ANN, request)

    assert estimated.skip_reasons == {
        ProviderId.VEO: Problem(code=ErrorCode.NOT_CONFIGURED, detail=NOT_IN_CHAIN)
    }
    assert estimated.estimated_cost_usd == Decimal("0.25")
    assert estimated.max_cost_usd == Decimal("0.75")
    created = harness.create_video(ANN, request, Language.ENGLISH)
    assert created.job.hold_usd == Decimal("0.25")


def test_models_are_listed_in_the_order_of_the_chain() -> None:
    harness = Harness(chain=(ProviderId.OMNI, ProviderId.VEO))
    harness.set_level(Level.TIGHT)

    offered = harness.list_models()

    assert [(o.provider_id, o.skip_reason and o.skip_reason.code) for o in offered] == [
        (ProviderId.OMNI, None),
        (ProviderId.VEO, ErrorCode.GENERATION_PAUSED),
    ]


@pytest.mark.parametrize(
    ("max_usd_per_second", "is_skipped"), [("0.09", True), ("0.10", False)]
)
def test_while_spending_is_tight_a_models_lowest_price_counts(
    max_usd_per_second: str, is_skipped: bool
) -> None:
    """Of Omni's two, 720p is cheaper."""
    harness = Harness(chain=(ProviderId.OMNI,))
    harness.tight_max_usd_per_second = Decimal(max_usd_per_second)
    harness.set_level(Level.TIGHT)

    (offered,) = harness.list_models()

    assert (offered.skip_reason is not None) is is_skipped


def test_models_have_the_usual_time_for_each_duration() -> None:
    veo = DEFAULT_MODELS[ProviderId.VEO]
    took = {
        task_kind(veo, 4): (60, 90, 61),
        task_kind(veo, 5): (70,),
        task_kind("another", 4): (9,),
    }
    times = TaskTimes(
        kinds={
            name: tuple(TaskTiming(working=s - 5, ready=s) for s in seconds) * 8
            for name, seconds in took.items()
        }
    )
    harness = Harness(chain=(ProviderId.VEO, ProviderId.OMNI))
    harness.task_times.put(times)

    offered = harness.list_models()

    # Veo makes no video of 5 s.
    assert [each.usual_seconds for each in offered] == [{4: 61}, {}]
