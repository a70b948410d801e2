"""The kill switch stops new spending, and nothing that is paid for."""

import pytest

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.kill_switch import Level
from shared.domain.outcomes import Accepted, Succeeded, Unknown
from tests.domain.examples import SECOND, a_job, running
from tests.usecases.harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_while_paused_nothing_starts_and_the_job_ends_at_its_deadline(
    harness: Harness,
) -> None:
    harness.jobs.put(a_job())
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


def test_while_tight_the_expensive_providers_are_skipped(harness: Harness) -> None:
    harness.jobs.put(a_job())
    for provider_id in (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP):
        harness.providers[provider_id].submissions = [Unknown(detail="no answer")]
    harness.providers[ProviderId.OMNI].submissions = [Accepted(task_id="t")]
    harness.set_level(Level.TIGHT)

    job = harness.run()

    skipped = {a.provider_id: a.problem.code for a in job.attempts if a.problem}
    assert skipped[ProviderId.VEO] is ErrorCode.GENERATION_PAUSED
    assert job.attempts[-1].provider_id is ProviderId.OMNI


def test_an_unreadable_switch_starts_nothing(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.switch.read_failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        harness.step()

    assert harness.starts == 0
