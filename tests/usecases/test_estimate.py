"""The price before: the dearest link, and which links would be asked just now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from shared.domain import circuit
from shared.domain.catalogue import CATALOGUE, DEFAULT_CHAIN, DEFAULT_MODELS, Link
from shared.domain.circuit import Circuit
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.job import Language
from shared.domain.kill_switch import Level
from shared.ports import Caller
from shared.usecases.availability import Availability, ReportLinks
from shared.usecases.estimate import Estimate
from shared.usecases.list_models import ListModels
from tests.domain.examples import NOON, a_request
from tests.fakes.links import FakeLinkReports
from tests.usecases.stage import Stage, create_video

EVERY_LINK = set(DEFAULT_CHAIN)
RUNWAY = {Link.RUNWAY, Link.RUNWAY_HTTP}


def availability(stage: Stage, *not_configured: Link) -> Availability:
    return Availability(
        kill_switch=stage.kill_switch,
        circuits=stage.circuits,
        reports=FakeLinkReports(*not_configured),
        clock=stage.clock,
        tight_max_usd_per_second=Decimal("0.15"),
    )


def estimate(stage: Stage, *not_configured: Link) -> Estimate:
    return Estimate(
        chain=DEFAULT_CHAIN,
        models=DEFAULT_MODELS,
        availability=availability(stage, *not_configured),
    )


def test_the_most_it_may_cost_is_what_a_job_would_hold() -> None:
    stage, request = Stage(), a_request(duration=5)
    create = create_video(stage)

    estimated = estimate(stage)(request)

    assert stage.jobs.all == []
    taken = create(Caller(user_id="ann"), request, Language.ENGLISH)
    assert estimated.max_cost_usd == taken.job.hold_usd == Decimal("2.40")
    assert estimated.links == taken.job.chain


def open_circuit(stage: Stage, key: str) -> None:
    reason = ErrorCode.OUT_OF_CREDITS
    stage.circuits.put(circuit.opened(Circuit(key=key), reason, NOON))


def no_circuit(_stage: Stage) -> None:
    pass


def runways_circuit(stage: Stage) -> None:
    open_circuit(stage, "vendor.runway")


def veos_circuit(stage: Stage) -> None:
    open_circuit(stage, "link.gemini-veo-3.1")


def tight(stage: Stage) -> None:
    stage.set_level(Level.TIGHT)


def paused(stage: Stage) -> None:
    stage.set_level(Level.PAUSED)


@pytest.mark.parametrize(
    ("happens", "asked", "barred", "code"),
    [
        (no_circuit, {}, set(), None),
        (no_circuit, {"audio": True}, RUNWAY, ErrorCode.UNSUPPORTED),
        (no_circuit, {"resolution": "1080p"}, RUNWAY, ErrorCode.UNSUPPORTED),
        (runways_circuit, {}, RUNWAY, ErrorCode.CIRCUIT_OPEN),
        (veos_circuit, {}, {Link.VEO}, ErrorCode.CIRCUIT_OPEN),
        (tight, {}, {Link.VEO}, ErrorCode.GENERATION_PAUSED),
        (paused, {}, EVERY_LINK, ErrorCode.GENERATION_PAUSED),
    ],
    ids=["free", "sound", "1080p", "vendor", "link", "tight", "paused"],
)
def test_a_link_that_would_not_be_asked_says_why(
    happens: Callable[[Stage], None],
    asked: dict[str, object],
    barred: set[Link],
    code: ErrorCode,
) -> None:
    stage = Stage()
    happens(stage)

    bars = estimate(stage)(a_request(**asked)).bars

    assert bars == dict.fromkeys(barred, code)


def test_what_the_worker_has_no_key_for_is_not_configured() -> None:
    bars = estimate(Stage(), *RUNWAY)(a_request()).bars

    assert bars == dict.fromkeys(RUNWAY, ErrorCode.NOT_CONFIGURED)


def test_a_circuit_whose_time_is_up_bars_nobody() -> None:
    stage = Stage()
    runways_circuit(stage)
    stage.clock.move(timedelta(days=1))

    assert estimate(stage)(a_request()).bars == {}


def test_a_retired_model_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = replace(CATALOGUE["gen4_turbo"], retires_on=date(2026, 11, 22))
    monkeypatch.setattr(
        "shared.usecases.availability.CATALOGUE", {**CATALOGUE, "gen4_turbo": gone}
    )

    bars = estimate(Stage())(a_request()).bars

    assert bars == dict.fromkeys(RUNWAY, ErrorCode.MODEL_UNAVAILABLE)


def test_models_come_in_the_order_of_the_chain() -> None:
    stage = Stage()
    tight(stage)
    chain = (Link.OMNI, Link.VEO)
    offered = ListModels(
        chain=chain, models=DEFAULT_MODELS, availability=availability(stage)
    )()

    assert [(o.link, o.barred) for o in offered] == [
        (Link.OMNI, None),
        (Link.VEO, ErrorCode.GENERATION_PAUSED),
    ]


def test_a_report_is_written_where_it_changes_something() -> None:
    reports = FakeLinkReports()
    report = ReportLinks(reports=reports)

    for not_configured in (set(), RUNWAY, RUNWAY, set()):
        report(frozenset(not_configured))

    assert (reports.writes, reports.read()) == (2, frozenset())


def test_a_report_that_gets_lost_stops_no_worker() -> None:
    reports = FakeLinkReports()
    reports.failures = [Unreachable("down")]

    ReportLinks(reports=reports)(frozenset(RUNWAY))

    assert reports.writes == 0
