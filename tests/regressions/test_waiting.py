"""Users wish: "Show me that it is moving", let me cancel, bound the wait."""

from datetime import timedelta

import pytest

from shared.domain import timing
from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode
from shared.domain.ledger import Limits
from shared.domain.outcomes import Poll, PollFailed, Working
from shared.ports.providers import TaskRef
from tests.domain.examples import NOON, a_job, a_new_job, running
from tests.fakes.jobs import FakeJobs
from tests.fakes.provider import ScriptedProvider
from tests.providers.provider_cases import (
    PROVIDERS,
    ProviderCase,
)
from tests.providers.vendor_server import Conduct, Reply, vendor
from tests.regressions.asking import (
    cancel,
    take,
)
from tests.usecases.harness import Harness

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


class HangingProvider(ScriptedProvider):
    """Its polls end only because the client stops waiting for them."""

    def __init__(self, harness: Harness) -> None:
        super().__init__()
        self._stage = harness

    def poll(self, task: TaskRef) -> Poll:
        self.asked.append(task)
        self._stage.clock.move(timing.POST_LIMIT)
        return PollFailed(detail="read timeout")


def test_mulmocast_1481_a_task_that_never_ends_is_given_up(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    job = harness.run()

    assert job.problem
    assert harness.clock.now() - NOON <= timing.JOB_LIMIT + timedelta(minutes=5)


def test_openmontage_452_a_stalled_task_keeps_its_id(harness: Harness) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))

    job = harness.run()

    assert job.attempts[0].problem
    assert job.attempts[0].problem.code is ErrorCode.DEADLINE_EXCEEDED
    assert job.attempts[0].task_id == "task-runway"
    assert [t.task_id for t in harness.providers[RUNWAY].cancelled] == ["task-runway"]


def test_openmontage_452_progress_moves_and_never_goes_back(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), RUNWAY))
    told = (0.1, 0.6, 0.3, 0.9)
    harness.providers[RUNWAY].polls = [Working(progress=each) for each in told]
    seen = [harness.job.progress]

    for _ in told:
        harness.clock.pause(timing.LONGEST_POLL.total_seconds())
        seen.append(harness.step().progress)

    assert seen == sorted(seen)
    assert len(set(seen)) == 4
    assert harness.jobs.projections["job1"]["progress"] == seen[-1]


def test_replicate_javascript_371_a_cancel_reaches_the_vendor(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), RUNWAY))

    cancel(harness)
    job = harness.run()

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert [t.task_id for t in harness.providers[RUNWAY].cancelled] == ["task-runway"]
    assert harness.starts == 0


def test_replicate_javascript_371_a_cancel_before_the_start_starts_nothing(
    harness: Harness,
) -> None:
    harness.jobs.put(a_new_job())

    assert cancel(harness).is_final
    harness.step()

    assert harness.starts == 0


@pytest.mark.parametrize("provider_id", PROVIDERS, ids=lambda case: case.name)
def test_vercel_ai_21053_a_poll_that_hangs_is_cut_off(
    provider_id: ProviderCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vendor(Reply(conduct=Conduct.HANG)) as server:
        provider = provider_id.make(server.url)
        module = type(provider).__module__
        monkeypatch.setattr(f"{module}.FREE_READ_SECONDS", 0.2)
        poll = provider.poll(provider_id.task())

    assert isinstance(poll, PollFailed)
    assert len(server.received) == 1


def test_vercel_ai_21053_a_poll_that_hangs_ends_with_the_deadline(
    harness: Harness,
) -> None:
    harness.providers[RUNWAY], harness.providers[HTTP] = (
        HangingProvider(harness) for _ in "12"
    )
    harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))

    job = harness.run()

    assert job.attempts[0].problem
    assert job.attempts[0].problem.code is ErrorCode.DEADLINE_EXCEEDED
    closing = (timing.POST_LIMIT + timing.LONGEST_POLL) * timing.MOST_CLOSING_POLLS
    assert job.updated_at - NOON <= timing.ATTEMPT_LIMIT + closing


def test_new_api_4244_each_of_500_jobs_has_a_task_of_its_own(harness: Harness) -> None:
    harness.jobs = FakeJobs(Limits(most_open_jobs=500, most_jobs_a_minute=500))

    jobs = {take(harness).job_id for _ in range(500)}

    assert {wake.job_id for wake in harness.queue.wakes} == jobs
    assert {wake.at for wake in harness.queue.wakes} == {NOON}


def test_new_api_4244_a_stuck_job_delays_no_other(harness: Harness) -> None:
    names = [f"job{n}" for n in range(1, 51)]
    for name in names:
        harness.jobs.put(running(a_job(job_id=name), RUNWAY))
    harness.clock.pause(timing.LONGEST_POLL.total_seconds())
    harness.jobs.unreadable.add("job1")

    for name in names[1:]:
        harness.advance(name, from_starts_queue=False)

    assert len(harness.providers[RUNWAY].asked) == 49
    longest = max(w.at for w in harness.queue.wakes) - harness.clock.now()
    assert longest <= timing.LONGEST_POLL
