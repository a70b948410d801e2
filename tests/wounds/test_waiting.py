"""Users wish: "Show me that it is moving", let me cancel, bound the wait."""

from datetime import timedelta

import pytest

from shared.domain import limits
from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode
from shared.domain.ledger import Limits
from shared.domain.outcomes import Missed, Poll, Working
from shared.ports import TaskRef
from tests.domain.examples import NOON, a_job, a_new_job, running
from tests.fakes.jobs import FakeJobs
from tests.fakes.provider import ScriptedProvider
from tests.providers.links import LINKS, LinkCase
from tests.providers.vendor_server import Conduct, Reply, vendor
from tests.usecases.stage import Stage
from tests.wounds.asking import cancel, take

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


class HangingProvider(ScriptedProvider):
    """Its polls end only because the client stops waiting for them."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def poll(self, task: TaskRef) -> Poll:
        self.asked.append(task)
        self._stage.clock.move(limits.POST_LIMIT)
        return Missed(detail="read timeout")


def test_mulmocast_1481_a_task_that_never_ends_is_given_up(stage: Stage) -> None:
    stage.jobs.put(a_new_job())

    job = stage.run()

    assert job.problem
    assert stage.clock.now() - NOON <= limits.JOB_LIMIT + timedelta(minutes=5)


def test_openmontage_452_a_stalled_task_keeps_its_id(stage: Stage) -> None:
    stage.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))

    job = stage.run()

    assert job.attempts[0].problem
    assert job.attempts[0].problem.code is ErrorCode.DEADLINE_EXCEEDED
    assert job.attempts[0].task_id == "task-runway"
    assert [t.task_id for t in stage.links[RUNWAY].cancelled] == ["task-runway"]


def test_openmontage_452_progress_moves_and_never_goes_back(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), RUNWAY))
    told = (0.1, 0.6, 0.3, 0.9)
    stage.links[RUNWAY].polls = [Working(progress=each) for each in told]
    seen = [stage.job.progress]

    for _ in told:
        stage.clock.pause(limits.LONGEST_POLL.total_seconds())
        seen.append(stage.step().progress)

    assert seen == sorted(seen)
    assert len(set(seen)) == 4
    assert stage.jobs.projections["job1"]["progress"] == seen[-1]


def test_replicate_javascript_371_a_cancel_reaches_the_vendor(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), RUNWAY))

    cancel(stage)
    job = stage.run()

    assert job.problem and job.problem.code is ErrorCode.CANCELLED
    assert [t.task_id for t in stage.links[RUNWAY].cancelled] == ["task-runway"]
    assert stage.starts == 0


def test_replicate_javascript_371_a_cancel_before_the_start_starts_nothing(
    stage: Stage,
) -> None:
    stage.jobs.put(a_new_job())

    assert cancel(stage).is_final
    stage.step()

    assert stage.starts == 0


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_vercel_ai_21053_a_poll_that_hangs_is_cut_off(
    link: LinkCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vendor(Reply(conduct=Conduct.HANG)) as server:
        provider = link.make(server.url)
        module = type(provider).__module__
        monkeypatch.setattr(f"{module}.FREE_READ_SECONDS", 0.2)
        poll = provider.poll(link.task())

    assert isinstance(poll, Missed)
    assert len(server.received) == 1


def test_vercel_ai_21053_a_poll_that_hangs_ends_with_the_deadline(
    stage: Stage,
) -> None:
    stage.links[RUNWAY], stage.links[HTTP] = (HangingProvider(stage) for _ in "12")
    stage.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))

    job = stage.run()

    assert job.attempts[0].problem
    assert job.attempts[0].problem.code is ErrorCode.DEADLINE_EXCEEDED
    closing = (limits.POST_LIMIT + limits.LONGEST_POLL) * limits.MOST_CLOSING_POLLS
    assert job.updated_at - NOON <= limits.ATTEMPT_LIMIT + closing


def test_new_api_4244_each_of_500_jobs_has_a_task_of_its_own(stage: Stage) -> None:
    stage.jobs = FakeJobs(Limits(most_open_jobs=500, most_jobs_a_minute=500))

    jobs = {take(stage).job_id for _ in range(500)}

    assert {wake.job_id for wake in stage.queue.wakes} == jobs
    assert {wake.at for wake in stage.queue.wakes} == {NOON}


def test_new_api_4244_a_stuck_job_delays_no_other(stage: Stage) -> None:
    names = [f"job{n}" for n in range(1, 51)]
    for name in names:
        stage.jobs.put(running(a_job(job_id=name), RUNWAY))
    stage.clock.pause(limits.LONGEST_POLL.total_seconds())
    stage.jobs.unreadable.add("job1")

    for name in names[1:]:
        stage.advance(name, from_starts_queue=False)

    assert len(stage.links[RUNWAY].asked) == 49
    longest = max(w.at for w in stage.queue.wakes) - stage.clock.now()
    assert longest <= limits.LONGEST_POLL
