"""Circuits in a job: what is skipped, why, and that polls go on."""

from shared.domain.catalogue import Link
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Rejected
from tests.domain.examples import a_job, running
from tests.fakes.provider import ScriptedProvider
from tests.usecases.stage import Stage

NO_CREDITS = Rejected(problem=Problem(code=ErrorCode.OUT_OF_CREDITS))


def test_the_next_job_does_not_ask_a_vendor_without_credits() -> None:
    stage = Stage()
    stage.links[Link.RUNWAY] = ScriptedProvider(NO_CREDITS)
    stage.jobs.put(a_job())
    stage.step()
    stage.jobs.put(a_job())

    job = stage.step()

    assert stage.links[Link.RUNWAY].starts == 1
    assert stage.links[Link.RUNWAY_HTTP].starts == 0
    skipped = job.attempts[0]
    assert (skipped.state, skipped.link) == ("skipped", Link.RUNWAY)
    assert skipped.problem and skipped.problem.code is ErrorCode.CIRCUIT_OPEN
    assert "out_of_credits" in skipped.problem.detail


def test_a_task_in_flight_is_polled_though_its_circuit_is_open() -> None:
    stage = Stage()
    stage.links[Link.RUNWAY] = ScriptedProvider(NO_CREDITS)
    stage.jobs.put(a_job())
    stage.step()
    stage.jobs.put(running(a_job(), Link.RUNWAY))
    stage.clock.pause(15)

    stage.step()

    assert len(stage.links[Link.RUNWAY].asked) == 1
