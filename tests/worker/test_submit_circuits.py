"""Circuits in a job: what is skipped, why, and that polls go on."""

from shared.domain import circuit
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Rejected
from tests.domain.examples import a_job, running
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import Harness

NO_CREDITS = Rejected(problem=Problem(code=ErrorCode.OUT_OF_CREDITS))


def test_the_next_job_does_not_ask_a_vendor_without_credits() -> None:
    harness = Harness()
    harness.providers[ProviderId.RUNWAY] = ScriptedProvider(NO_CREDITS)
    harness.jobs.put(a_job())
    harness.step()
    harness.jobs.put(a_job())

    job = harness.step()

    assert harness.providers[ProviderId.RUNWAY].starts == 1
    assert harness.providers[ProviderId.RUNWAY_HTTP].starts == 0
    skipped = job.attempts[0]
    assert (skipped.state, skipped.provider_id) == ("skipped", ProviderId.RUNWAY)
    assert skipped.problem and skipped.problem.code is ErrorCode.CIRCUIT_OPEN
    assert "out_of_credits" in skipped.problem.detail


def test_a_task_in_flight_is_polled_though_its_circuit_is_open() -> None:
    harness = Harness()
    harness.providers[ProviderId.RUNWAY] = ScriptedProvider(NO_CREDITS)
    harness.jobs.put(a_job())
    harness.step()
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.clock.pause(15)

    harness.step()

    assert len(harness.providers[ProviderId.RUNWAY].asked) == 1


def test_a_start_from_before_the_opening_does_not_close_the_circuit() -> None:
    harness = Harness()
    opened = circuit.Circuit(key="vendor.runway")

    def opens_meanwhile() -> None:
        harness.clock.pause(5)
        now = harness.clock.now()
        harness.circuits.put(circuit.opened(opened, ErrorCode.OUT_OF_CREDITS, now))
        harness.clock.pause(5)

    harness.providers[ProviderId.RUNWAY].during_start = opens_meanwhile
    harness.jobs.put(a_job())

    job = harness.step()

    assert job.attempts[0].task_id
    assert harness.circuits.get("vendor.runway").opening
