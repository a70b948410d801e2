"""Which providers may be asked, for the worker and the estimate alike."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from shared.domain import circuit, fallback, timing
from shared.domain.catalogue import CATALOGUE, DEFAULT_MODELS, ProviderId
from shared.domain.circuit import Circuit
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.job import PlannedProvider
from shared.domain.kill_switch import Level
from shared.domain.outcomes import Parked, Skipped, Succeeded
from shared.domain.structs import replace
from shared.guards.availability import ReportMissingProviders
from tests.domain.examples import CHAIN, NOON, SECOND, a_job, a_request, running
from tests.fakes.provider_reports import FakeProviderReports
from tests.usecases.harness import Harness

EVERY_PROVIDER = set(CHAIN)
RUNWAY = {ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP}
Happens = Callable[[Harness, pytest.MonkeyPatch], None]


def nothing(_harness: Harness, _patch: pytest.MonkeyPatch) -> None:
    pass


def opened(key: str) -> Happens:
    def happens(harness: Harness, _patch: pytest.MonkeyPatch) -> None:
        reason = ErrorCode.OUT_OF_CREDITS
        harness.circuits.put(circuit.opened(Circuit(key=key), reason, NOON))

    return happens


def level(level: Level) -> Happens:
    return lambda harness, _patch: harness.set_level(level)


def not_configured(harness: Harness, _patch: pytest.MonkeyPatch) -> None:
    harness.reports.write(frozenset(RUNWAY))


def retired(_harness: Harness, patch: pytest.MonkeyPatch) -> None:
    gone = replace(CATALOGUE["gen4_turbo"], retires_on=date(2026, 11, 22))
    patch.setitem(CATALOGUE, "gen4_turbo", gone)


def asked(chain: tuple[PlannedProvider, ...], harness: Harness) -> dict[object, object]:
    """What the worker records instead of starting each provider of the chain."""
    missing = harness.reports.read()
    return {
        planned.provider_id: harness.availability.check(
            planned, is_configured=planned.provider_id not in missing
        )
        for planned in chain
    }


@pytest.mark.parametrize(
    ("happens", "request_", "barred", "code"),
    [
        (nothing, {}, set(), None),
        (nothing, {"audio": True}, RUNWAY, ErrorCode.UNSUPPORTED),
        (nothing, {"resolution": "1080p"}, RUNWAY, ErrorCode.UNSUPPORTED),
        (not_configured, {}, RUNWAY, ErrorCode.NOT_CONFIGURED),
        (retired, {}, RUNWAY, ErrorCode.MODEL_UNAVAILABLE),
        (level(Level.TIGHT), {}, {ProviderId.VEO}, ErrorCode.GENERATION_PAUSED),
        (level(Level.PAUSED), {}, EVERY_PROVIDER, ErrorCode.GENERATION_PAUSED),
        (opened("vendor.runway"), {}, RUNWAY, ErrorCode.CIRCUIT_OPEN),
        (
            opened("provider.gemini-veo-3.1"),
            {},
            {ProviderId.VEO},
            ErrorCode.CIRCUIT_OPEN,
        ),
    ],
    ids=[
        "free",
        "sound",
        "1080p",
        "no key",
        "retired",
        "tight",
        "paused",
        "vendor's circuit",
        "provider's circuit",
    ],
)
def test_the_estimate_bars_exactly_what_the_worker_does_not_start(
    happens: Happens,
    request_: dict[str, object],
    barred: set[ProviderId],
    code: ErrorCode | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness()
    happens(harness, monkeypatch)
    chain = fallback.plan_chain(a_request(**request_), CHAIN, DEFAULT_MODELS)

    bars = harness.availability.bars(chain)
    assert {p: why.code for p, why in bars.items()} == dict.fromkeys(barred, code)
    instead = asked(chain, harness)
    assert {name for name, outcome in instead.items() if outcome} == barred
    # A circuit whose time is up bars nothing, before its trial.
    harness.clock.move(timedelta(days=1))
    assert code is not ErrorCode.CIRCUIT_OPEN or not harness.availability.bars(chain)
    for outcome in filter(None, instead.values()):
        assert isinstance(outcome, Parked | Skipped)
        if isinstance(outcome, Skipped):
            assert outcome.problem.code is code


def test_a_report_is_written_where_it_changes_something() -> None:
    reports = FakeProviderReports()
    report = ReportMissingProviders(reports=reports)

    for not_configured in (set(), RUNWAY, RUNWAY, set()):
        report(frozenset(not_configured))

    assert (reports.writes, reports.read()) == (2, frozenset())

    # A report that gets lost stops no worker.
    reports.failures = [Unreachable("down")]
    report(frozenset(RUNWAY))
    assert reports.writes == 2


def test_while_paused_nothing_starts_and_the_job_ends_at_its_deadline(
    harness: Harness,
) -> None:
    harness.jobs.put(a_job())
    harness.switch.read_failures = [Unreachable("down")]
    with pytest.raises(Unreachable):
        harness.step()
    harness.set_level(Level.PAUSED)

    job = harness.run()

    assert harness.starts == 0
    assert job.problem and job.problem.code is ErrorCode.GENERATION_PAUSED
    assert job.updated_at - job.created_at <= timing.JOB_LIMIT + 2 * 60 * SECOND
    assert job.cost_usd == 0


def test_a_parked_job_goes_on_when_the_pause_is_lifted(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]
    harness.set_level(Level.PAUSED)
    harness.step()
    harness.set_level(Level.NORMAL)

    assert harness.run().delivered is not None
    assert harness.starts == 1


def test_what_is_paid_for_is_polled_and_stored_while_paused(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]
    harness.set_level(Level.PAUSED)

    assert harness.run().delivered is not None
