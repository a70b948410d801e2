"""The kill switch stops new spending, and nothing that is paid for."""

import pytest

from shared.domain import limits
from shared.domain.catalogue import Link
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.kill_switch import Level
from shared.domain.outcomes import Accepted, Succeeded, Unknown
from tests.domain.examples import SECOND, a_job, running
from tests.usecases.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_while_paused_nothing_starts_and_the_job_ends_at_its_deadline(
    stage: Stage,
) -> None:
    stage.jobs.put(a_job())
    stage.set_level(Level.PAUSED)

    job = stage.run()

    assert stage.starts == 0
    assert job.problem and job.problem.code is ErrorCode.GENERATION_PAUSED
    assert job.updated_at - job.created_at <= limits.JOB_LIMIT + 2 * 60 * SECOND
    assert job.cost_usd == 0


def test_a_parked_job_goes_on_when_the_pause_is_lifted(stage: Stage) -> None:
    stage.jobs.put(a_job())
    stage.links[Link.RUNWAY].polls = [Succeeded()]
    stage.set_level(Level.PAUSED)
    stage.step()
    stage.set_level(Level.NORMAL)

    assert stage.run().delivered is not None
    assert stage.starts == 1


def test_what_is_paid_for_is_polled_and_stored_while_paused(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), Link.RUNWAY))
    stage.links[Link.RUNWAY].polls = [Succeeded()]
    stage.set_level(Level.PAUSED)

    assert stage.run().delivered is not None


def test_while_tight_the_dear_links_are_skipped(stage: Stage) -> None:
    stage.jobs.put(a_job())
    for link in (Link.RUNWAY, Link.RUNWAY_HTTP):
        stage.links[link].submissions = [Unknown(detail="no answer")]
    stage.links[Link.OMNI].submissions = [Accepted(task_id="t")]
    stage.set_level(Level.TIGHT)

    job = stage.run()

    skipped = {a.link: a.problem.code for a in job.attempts if a.problem}
    assert skipped[Link.VEO] is ErrorCode.GENERATION_PAUSED
    assert job.attempts[-1].link is Link.OMNI


def test_an_unreadable_switch_starts_nothing(stage: Stage) -> None:
    stage.jobs.put(a_job())
    stage.switch.read_failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        stage.step()

    assert stage.starts == 0
