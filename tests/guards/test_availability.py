"""Which providers may be asked, by the same rule for the worker and the estimate."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from shared.domain import circuit, fallback, timing
from shared.domain.catalogue import CATALOGUE, DEFAULT_MODELS, ProviderId, Unsupported
from shared.domain.circuit import Circuit
from shared.domain.errors import TOO_EXPENSIVE, ErrorCode, Unreachable
from shared.domain.kill_switch import Level
from shared.domain.outcomes import Parked, Skipped, Succeeded
from shared.domain.structs import replace
from shared.guards.availability import report_missing
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


def retires(day: date) -> Happens:
    model = replace(CATALOGUE["gen4_turbo"], retires_on=day)
    return lambda _harness, patch: patch.setitem(CATALOGUE, "gen4_turbo", model)


TODAY = NOON.date()
retired = retires(TODAY)


MOMENTS: dict[
    str, tuple[Happens, dict[str, object], set[ProviderId], ErrorCode | None]
] = {
    "free": (nothing, {}, set(), None),
    "sound": (nothing, {"audio": True}, RUNWAY, ErrorCode.UNSUPPORTED),
    "1080p": (nothing, {"resolution": "1080p"}, RUNWAY, ErrorCode.UNSUPPORTED),
    "no key": (not_configured, {}, RUNWAY, ErrorCode.NOT_CONFIGURED),
    "retired": (retired, {}, RUNWAY, ErrorCode.MODEL_UNAVAILABLE),
    "retires": (retires(TODAY + timedelta(days=1)), {}, set(), None),
    "tight": (level(Level.TIGHT), {}, {ProviderId.VEO}, ErrorCode.GENERATION_PAUSED),
    "paused": (level(Level.PAUSED), {}, EVERY_PROVIDER, ErrorCode.GENERATION_PAUSED),
    "vendor's circuit": (opened("vendor.runway"), {}, RUNWAY, ErrorCode.CIRCUIT_OPEN),
    "provider's circuit": (
        opened("provider.gemini-veo-3.1"),
        {},
        {ProviderId.VEO},
        ErrorCode.CIRCUIT_OPEN,
    ),
}


@pytest.mark.parametrize(
    ("happens", "request_", "skipped", "code"), MOMENTS.values(), ids=MOMENTS
)
def test_the_estimate_skips_exactly_what_the_worker_does_not_start(
    happens: Happens,
    request_: dict[str, object],
    skipped: set[ProviderId],
    code: ErrorCode | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness()
    happens(harness, monkeypatch)
    chain = fallback.plan_chain(a_request(**request_), CHAIN, DEFAULT_MODELS)

    reasons = harness.availability.reasons_to_skip(chain)
    assert {p: why.code for p, why in reasons.items()} == dict.fromkeys(skipped, code)
    missing = harness.reports.read()
    outcomes = {
        planned.provider_id: harness.availability.check(
            planned, is_configured=planned.provider_id not in missing
        )
        for planned in chain
    }
    assert {name for name, outcome in outcomes.items() if outcome} == skipped
    # A circuit whose time is up rules nothing out in an estimate.
    harness.clock.move(timedelta(days=1))
    assert (
        code is not ErrorCode.CIRCUIT_OPEN
        or not harness.availability.reasons_to_skip(chain)
    )
    for outcome in filter(None, outcomes.values()):
        assert isinstance(outcome, Parked | Skipped)
        if isinstance(outcome, Skipped):
            assert outcome.problem.code is code


@pytest.mark.parametrize(
    ("moment", "provider_id", "detail"),
    [
        ("sound", ProviderId.RUNWAY, Unsupported.NO_SOUND),
        ("retired", ProviderId.RUNWAY, "gen4_turbo retired on 2026-11-22"),
        ("tight", ProviderId.VEO, TOO_EXPENSIVE),
        ("paused", ProviderId.VEO, ""),
    ],
)
def test_a_reason_says_more_than_its_code(
    moment: str,
    provider_id: ProviderId,
    detail: str,
    harness: Harness,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happens, request, *_ = MOMENTS[moment]
    happens(harness, monkeypatch)
    chain = fallback.plan_chain(a_request(**request), CHAIN, DEFAULT_MODELS)

    assert harness.availability.reasons_to_skip(chain)[provider_id].detail == detail


def test_a_report_is_written_only_if_it_changes_something() -> None:
    reports = FakeProviderReports()
    for not_configured in (set(), RUNWAY, RUNWAY, set()):
        report_missing(reports, frozenset(not_configured))

    assert (reports.writes, reports.read()) == (2, frozenset())

    # Failing to write a report stops no worker.
    reports.failures = [Unreachable("down")]
    report_missing(reports, frozenset(RUNWAY))
    assert reports.writes == 2


def test_while_paused_nothing_starts_until_the_deadline(harness: Harness) -> None:
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


def test_a_paid_task_is_polled_and_stored_while_paused(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]
    harness.set_level(Level.PAUSED)

    assert harness.run().delivered is not None
