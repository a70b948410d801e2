"""The price before: the dearest link, and which links would be asked just now."""

from decimal import Decimal

from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.ports.identity import Caller
from shared.usecases.estimate import Estimate
from shared.usecases.models import ListModels
from tests.domain.examples import a_request
from tests.fakes.provider_reports import FakeProviderReports
from tests.usecases.harness import (
    Harness,
    create_video,
)


def estimate(harness: Harness, *not_configured: ProviderId) -> Estimate:
    harness.reports = FakeProviderReports(*not_configured)
    return Estimate(
        chain=DEFAULT_CHAIN, models=DEFAULT_MODELS, availability=harness.availability
    )


def test_the_most_it_may_cost_is_what_a_job_would_hold() -> None:
    harness, request = Harness(), a_request(duration=5)
    create = create_video(harness)

    estimated = estimate(harness)(request)

    assert harness.jobs.all == []
    taken = create(Caller(user_id="ann"), request, Language.ENGLISH)
    assert estimated.max_cost_usd == taken.job.hold_usd == Decimal("2.40")
    assert estimated.providers == taken.job.chain


def test_a_provider_that_would_not_be_asked_says_why() -> None:
    bars = estimate(Harness(), ProviderId.OMNI)(a_request(audio=True)).bars

    assert bars == {
        ProviderId.RUNWAY: ErrorCode.UNSUPPORTED,
        ProviderId.RUNWAY_HTTP: ErrorCode.UNSUPPORTED,
        ProviderId.OMNI: ErrorCode.NOT_CONFIGURED,
    }


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
