"""The price before a job is made, and which providers would be asked just now."""

from decimal import Decimal
from functools import partial

import pytest

from shared.domain.catalogue import (
    DEFAULT_MODELS,
    DEFAULT_TEXT_MODEL,
    TEXT_MODELS,
    ProviderId,
)
from shared.domain.errors import (
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
from shared.domain.poll_plan import TaskTimes, Took, kind
from shared.domain.request import Translate, VideoRequest
from shared.domain.structs import replace
from shared.ports.identity import Caller
from shared.usecases.models import Estimate, Estimated, ListModels
from tests.domain.examples import CHAIN, a_request
from tests.fakes.jobs import FakeJobs
from tests.fakes.provider_reports import FakeProviderReports
from tests.usecases.harness import Harness, create_video

ANN = Caller(user_id="ann")


def estimate(harness: Harness, *not_configured: ProviderId) -> Estimate:
    harness.reports = FakeProviderReports(*not_configured)
    return Estimate(
        chain=CHAIN,
        models=DEFAULT_MODELS,
        limits=harness.jobs.limits,
        availability=harness.availability,
        price_watch=harness.price_watch,
        translation_model=TEXT_MODELS[DEFAULT_TEXT_MODEL],
        signs_webhooks=True,
    )


def codes(estimated: Estimated) -> dict[ProviderId, ErrorCode]:
    return {name: problem.code for name, problem in estimated.bars.items()}


def refused_by_create(harness: Harness, caller: Caller, request: VideoRequest) -> None:
    create_video(harness)(caller, request, Language.ENGLISH)


def test_what_a_translation_may_cost_is_in_the_most_and_not_in_the_first_price() -> (
    None
):
    english, korean = a_request(), a_request(prompt="고양이가 창밖을 바라본다")

    plain, translated = (
        estimate(Harness())(ANN, english),
        estimate(Harness())(ANN, korean),
    )
    off = estimate(Harness())(ANN, replace(korean, translate=Translate.OFF))

    assert translated.estimated_cost_usd == plain.estimated_cost_usd
    assert Decimal(0) < translated.max_cost_usd - plain.max_cost_usd < Decimal("0.01")
    assert off.max_cost_usd == plain.max_cost_usd


def test_an_estimate_has_the_first_price_and_the_most_that_a_job_can_cost() -> None:
    harness, request = Harness(), a_request(duration=5)
    create = create_video(harness)

    estimated = estimate(harness)(ANN, request)

    assert harness.jobs.all == []
    taken = create(ANN, request, Language.ENGLISH)
    assert estimated.estimated_cost_usd == taken.job.hold_usd == Decimal("0.25")
    assert estimated.max_cost_usd == Decimal("3.15")
    assert estimated.providers == taken.job.chain


def test_an_estimate_is_of_the_first_provider_that_would_be_asked() -> None:
    runway = (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP)

    estimated = estimate(Harness(), *runway)(ANN, a_request(duration=8))

    assert estimated.estimated_cost_usd == Decimal("3.20")


def test_a_provider_above_a_cap_would_be_skipped_and_the_next_one_asked() -> None:
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=Decimal(1)))))

    estimated = estimate(harness)(ANN, a_request(model="gemini-veo-3.1"))

    assert codes(estimated) == {ProviderId.VEO: ErrorCode.DAILY_LIMIT_REACHED}
    assert estimated.estimated_cost_usd == Decimal("0.40")


def test_an_estimate_of_what_no_cap_could_ever_admit_has_its_price_and_says_so() -> (
    None
):
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=Decimal("0.39")))))

    estimated = estimate(harness)(ANN, a_request())

    assert isinstance(estimated.refused, ExceedsLimit)
    assert estimated.estimated_cost_usd == Decimal("0.40")
    with pytest.raises(ExceedsLimit):
        create_video(harness)(ANN, a_request(), Language.ENGLISH)


@pytest.mark.parametrize("asked", ["auto", "gemini-veo-3.1"])
def test_while_paused_an_estimate_has_the_price_of_later_and_says_so(
    asked: str,
) -> None:
    """A price of 0 reads as free."""
    harness, request = Harness(), a_request(model=asked)
    later = estimate(harness)(ANN, request)
    paused = Harness()
    paused.set_level(Level.PAUSED)

    estimated = estimate(paused)(ANN, request)

    assert later.refused is None
    assert isinstance(estimated.refused, GenerationPaused)
    assert set(codes(estimated).values()) == {ErrorCode.GENERATION_PAUSED}
    assert estimated.estimated_cost_usd == later.estimated_cost_usd > 0
    with pytest.raises(GenerationPaused):
        create_video(paused)(ANN, request, Language.ENGLISH)


def test_an_estimate_refuses_the_webhook_that_a_video_refuses() -> None:
    harness = Harness()
    request = a_request(webhook_url="https://example.com/hook")
    server = Caller(user_id="ann", key_id="k1")

    for use_case in (estimate(harness), partial(refused_by_create, harness)):
        with pytest.raises(InvalidRequest) as refused:
            use_case(ANN, request)
        assert refused.value.errors[0].reason == "needs_api_key"
    assert estimate(harness)(server, request).refused is None
    unsigned = replace(estimate(harness), signs_webhooks=False)
    with pytest.raises(NotOffered):
        unsigned(server, request)


VEO_LEFT_OUT = (ProviderId.RUNWAY_HTTP, ProviderId.OMNI)


def test_a_provider_beyond_the_chain_is_never_part_of_a_price() -> None:
    harness = Harness(chain=VEO_LEFT_OUT)
    request = a_request(model="gemini-veo-3.1", duration=5)
    asked = replace(estimate(harness), chain=VEO_LEFT_OUT)

    estimated = asked(ANN, request)

    assert estimated.bars == {
        ProviderId.VEO: Problem(code=ErrorCode.NOT_CONFIGURED, detail=NOT_IN_CHAIN)
    }
    assert estimated.estimated_cost_usd == Decimal("0.25")
    assert estimated.max_cost_usd == Decimal("0.75")
    create = create_video(harness, chain=VEO_LEFT_OUT)
    assert create(ANN, request, Language.ENGLISH).job.hold_usd == Decimal("0.25")


def test_models_come_in_the_order_of_the_chain() -> None:
    harness = Harness()
    harness.set_level(Level.TIGHT)
    chain = (ProviderId.OMNI, ProviderId.VEO)
    offered = ListModels(
        chain=chain,
        models=DEFAULT_MODELS,
        availability=harness.availability,
        task_times=TaskTimes,
    )()

    assert [(o.provider_id, o.barred and o.barred.code) for o in offered] == [
        (ProviderId.OMNI, None),
        (ProviderId.VEO, ErrorCode.GENERATION_PAUSED),
    ]


def test_models_tell_how_long_each_length_usually_takes() -> None:
    veo = DEFAULT_MODELS[ProviderId.VEO]
    took = {kind(veo, 4): (60, 90, 61), kind(veo, 5): (70,), kind("another", 4): (9,)}
    times = TaskTimes(
        kinds={
            name: tuple(Took(working=s - 5, ready=s) for s in seconds) * 8
            for name, seconds in took.items()
        }
    )
    offered = ListModels(
        chain=(ProviderId.VEO, ProviderId.OMNI),
        models=DEFAULT_MODELS,
        availability=Harness().availability,
        task_times=lambda: times,
    )()

    # Veo makes no video of 5 s.
    assert [each.usual_seconds for each in offered] == [{4: 61}, {}]
