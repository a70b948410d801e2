"""The price before: the dearest link, and which links would be asked just now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from shared.domain import circuit
from shared.domain.catalogue import CATALOGUE, DEFAULT_CHAIN, DEFAULT_MODELS, ProviderId
from shared.domain.circuit import Circuit
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.guards.availability import (
    Availability,
    ReportMissingProviders,
)
from shared.ports.identity import Caller
from shared.usecases.estimate import Estimate
from shared.usecases.models import ListModels
from tests.domain.examples import NOON, a_request
from tests.fakes.provider_reports import FakeProviderReports
from tests.usecases.harness import (
    Harness,
    create_video,
)

EVERY_PROVIDER = set(DEFAULT_CHAIN)
RUNWAY = {ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP}


def availability(harness: Harness, *not_configured: ProviderId) -> Availability:
    return Availability(
        kill_switch=harness.kill_switch,
        circuits=harness.circuits,
        reports=FakeProviderReports(*not_configured),
        clock=harness.clock,
        tight_max_usd_per_second=Decimal("0.15"),
    )


def estimate(harness: Harness, *not_configured: ProviderId) -> Estimate:
    return Estimate(
        chain=DEFAULT_CHAIN,
        models=DEFAULT_MODELS,
        availability=availability(harness, *not_configured),
    )


def test_the_most_it_may_cost_is_what_a_job_would_hold() -> None:
    harness, request = Harness(), a_request(duration=5)
    create = create_video(harness)

    estimated = estimate(harness)(request)

    assert harness.jobs.all == []
    taken = create(Caller(user_id="ann"), request, Language.ENGLISH)
    assert estimated.max_cost_usd == taken.job.hold_usd == Decimal("2.40")
    assert estimated.providers == taken.job.chain


def open_circuit(harness: Harness, key: str) -> None:
    reason = ErrorCode.OUT_OF_CREDITS
    harness.circuits.put(circuit.opened(Circuit(key=key), reason, NOON))


def no_circuit(_stage: Harness) -> None:
    pass


def runways_circuit(harness: Harness) -> None:
    open_circuit(harness, "vendor.runway")


def veos_circuit(harness: Harness) -> None:
    open_circuit(harness, "provider.gemini-veo-3.1")


def tight(harness: Harness) -> None:
    harness.set_level(Level.TIGHT)


def paused(harness: Harness) -> None:
    harness.set_level(Level.PAUSED)


@pytest.mark.parametrize(
    ("happens", "asked", "barred", "code"),
    [
        (no_circuit, {}, set(), None),
        (no_circuit, {"audio": True}, RUNWAY, ErrorCode.UNSUPPORTED),
        (no_circuit, {"resolution": "1080p"}, RUNWAY, ErrorCode.UNSUPPORTED),
        (runways_circuit, {}, RUNWAY, ErrorCode.CIRCUIT_OPEN),
        (veos_circuit, {}, {ProviderId.VEO}, ErrorCode.CIRCUIT_OPEN),
        (tight, {}, {ProviderId.VEO}, ErrorCode.GENERATION_PAUSED),
        (paused, {}, EVERY_PROVIDER, ErrorCode.GENERATION_PAUSED),
    ],
    ids=["free", "sound", "1080p", "vendor", "link", "tight", "paused"],
)
def test_a_provider_that_would_not_be_asked_says_why(
    happens: Callable[[Harness], None],
    asked: dict[str, object],
    barred: set[ProviderId],
    code: ErrorCode,
) -> None:
    harness = Harness()
    happens(harness)

    bars = estimate(harness)(a_request(**asked)).bars

    assert bars == dict.fromkeys(barred, code)


def test_what_the_worker_has_no_key_for_is_not_configured() -> None:
    bars = estimate(Harness(), *RUNWAY)(a_request()).bars

    assert bars == dict.fromkeys(RUNWAY, ErrorCode.NOT_CONFIGURED)


def test_a_circuit_whose_time_is_up_bars_nobody() -> None:
    harness = Harness()
    runways_circuit(harness)
    harness.clock.move(timedelta(days=1))

    assert estimate(harness)(a_request()).bars == {}


def test_a_retired_model_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = replace(CATALOGUE["gen4_turbo"], retires_on=date(2026, 11, 22))
    monkeypatch.setattr(
        "shared.guards.availability.CATALOGUE", {**CATALOGUE, "gen4_turbo": gone}
    )

    bars = estimate(Harness())(a_request()).bars

    assert bars == dict.fromkeys(RUNWAY, ErrorCode.MODEL_UNAVAILABLE)


def test_models_come_in_the_order_of_the_chain() -> None:
    harness = Harness()
    tight(harness)
    chain = (ProviderId.OMNI, ProviderId.VEO)
    offered = ListModels(
        chain=chain, models=DEFAULT_MODELS, availability=availability(harness)
    )()

    assert [(o.provider_id, o.barred) for o in offered] == [
        (ProviderId.OMNI, None),
        (ProviderId.VEO, ErrorCode.GENERATION_PAUSED),
    ]


def test_a_report_is_written_where_it_changes_something() -> None:
    reports = FakeProviderReports()
    report = ReportMissingProviders(reports=reports)

    for not_configured in (set(), RUNWAY, RUNWAY, set()):
        report(frozenset(not_configured))

    assert (reports.writes, reports.read()) == (2, frozenset())


def test_a_report_that_gets_lost_stops_no_worker() -> None:
    reports = FakeProviderReports()
    reports.failures = [Unreachable("down")]

    ReportMissingProviders(reports=reports)(frozenset(RUNWAY))

    assert reports.writes == 0
