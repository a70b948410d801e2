"""The price before a job is made, and which providers would be asked just now."""

from decimal import Decimal

import pytest

from shared.domain.catalogue import (
    DEFAULT_CHAIN,
    DEFAULT_MODELS,
    DEFAULT_TEXT_MODEL,
    TEXT_MODELS,
    ProviderId,
)
from shared.domain.errors import ErrorCode, ExceedsLimit
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits
from shared.domain.request import Translate
from shared.domain.structs import replace
from shared.ports.identity import Caller
from shared.usecases.models import Estimate, ListModels
from tests.domain.examples import a_request
from tests.fakes.jobs import FakeJobs
from tests.fakes.provider_reports import FakeProviderReports
from tests.usecases.harness import Harness, create_video


def estimate(harness: Harness, *not_configured: ProviderId) -> Estimate:
    harness.reports = FakeProviderReports(*not_configured)
    return Estimate(
        chain=DEFAULT_CHAIN,
        models=DEFAULT_MODELS,
        limits=harness.jobs.limits,
        availability=harness.availability,
        price_watch=harness.price_watch,
        translation_model=TEXT_MODELS[DEFAULT_TEXT_MODEL],
    )


def test_what_a_translation_may_cost_is_in_the_most_and_not_in_the_first_price() -> (
    None
):
    english, korean = a_request(), a_request(prompt="고양이가 창밖을 바라본다")

    plain, translated = estimate(Harness())(english), estimate(Harness())(korean)
    off = estimate(Harness())(replace(korean, translate=Translate.OFF))

    assert translated.estimated_cost_usd == plain.estimated_cost_usd
    assert Decimal(0) < translated.max_cost_usd - plain.max_cost_usd < Decimal("0.01")
    assert off.max_cost_usd == plain.max_cost_usd


def test_an_estimate_has_the_first_price_and_the_most_that_a_job_can_cost() -> None:
    harness, request = Harness(), a_request(duration=5)
    create = create_video(harness)

    estimated = estimate(harness)(request)

    assert harness.jobs.all == []
    taken = create(Caller(user_id="ann"), request, Language.ENGLISH)
    assert estimated.estimated_cost_usd == taken.job.hold_usd == Decimal("0.25")
    assert estimated.max_cost_usd == Decimal("3.15")
    assert estimated.providers == taken.job.chain


def test_an_estimate_is_of_the_first_provider_that_would_be_asked() -> None:
    runway = (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP)

    estimated = estimate(Harness(), *runway)(a_request(duration=8))

    assert estimated.estimated_cost_usd == Decimal("3.20")


def test_a_provider_above_a_cap_would_be_skipped_and_the_next_one_asked() -> None:
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=Decimal(1)))))

    estimated = estimate(harness)(a_request(model="gemini-veo-3.1"))

    assert estimated.bars == {ProviderId.VEO: ErrorCode.DAILY_LIMIT_REACHED}
    assert estimated.estimated_cost_usd == Decimal("0.40")


def test_an_estimate_of_what_no_cap_could_ever_admit_says_so() -> None:
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=Decimal("0.39")))))

    with pytest.raises(ExceedsLimit):
        estimate(harness)(a_request())


def test_models_come_in_the_order_of_the_chain() -> None:
    harness = Harness()
    harness.set_level(Level.TIGHT)
    chain = (ProviderId.OMNI, ProviderId.VEO)
    offered = ListModels(
        chain=chain, models=DEFAULT_MODELS, availability=harness.availability
    )()

    assert [(o.provider_id, o.barred) for o in offered] == [
        (ProviderId.OMNI, None),
        (ProviderId.VEO, ErrorCode.GENERATION_PAUSED),
    ]
