"""Who ends a job tells it, and stops what nobody needs any more; nobody else does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import Link
from shared.domain.errors import Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import (
    Accepted,
    CancelRequested,
    LeaseExpired,
    Polled,
    Submitted,
    Succeeded,
)
from shared.domain.transitions import apply, settle
from shared.ports import Caller, Result, TaskRef
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.record import STUBBORNLY
from shared.usecases.wake import Waker
from tests.domain.examples import (
    MINUTE,
    NOON,
    SECOND,
    a_job,
    a_new_job,
    running,
    started,
    storing,
)
from tests.domain.examples import stored as stored_by
from tests.fakes.jobs import Trouble
from tests.usecases.stage import Stage

RUNWAY, VEO = Link.RUNWAY, Link.VEO
Line = Mapping[str, Any]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def meanwhile(stage: Stage, happens: Callable[[], object]) -> None:
    """`happens` once, while Runway is asked for its result."""
    link = stage.links[RUNWAY]
    plain = link.fetch

    def fetch(task: TaskRef) -> Result:
        link.fetch = plain  # type: ignore[method-assign] # once
        happens()
        return plain(task)

    link.fetch = fetch  # type: ignore[method-assign] # a race, staged


def step(stage: Stage) -> None:
    stage.advance("job1", from_starts_queue=True)


def count(event: str, lines: Sequence[Line]) -> int:
    return sum(line["event"] == event for line in lines)


def with_late_answer() -> Job:
    """Runway's answer was given up, Veo's task is made, and then Runway answered."""
    at = NOON + 2 * MINUTE
    expired = LeaseExpired(attempt_id=str(RUNWAY))
    unknown = settle(apply(started(a_job(), RUNWAY), expired, at), at)
    asked = running(unknown, VEO, at)
    late = Submitted(attempt_id=str(RUNWAY), submission=Accepted(task_id="late"))
    return apply(asked, late, at)


def test_of_two_steps_that_end_a_job_one_tells_it(stage: Stage) -> None:
    stage.jobs.put(storing(a_job(), RUNWAY))
    meanwhile(stage, lambda: step(stage))

    with capture_logs() as lines:
        step(stage)

    assert (count("job_ended", lines), count("attempt_ended", lines)) == (1, 1)


@pytest.mark.parametrize(
    "troubles",
    [[Trouble.APPLIED], [Trouble.NOT_APPLIED], [Trouble.LOST_RACE, Trouble.APPLIED]],
    ids=", then ".join,
)
def test_an_end_of_unclear_commit_is_told_once(
    stage: Stage, troubles: list[Trouble]
) -> None:
    stage.jobs.put(storing(a_job(), RUNWAY))
    stage.jobs.troubles = troubles

    with capture_logs() as lines:
        step(stage)

    assert count("job_ended", lines) == 1


def test_a_job_that_its_owner_cancels_is_told(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    cancel = CancelVideo(
        jobs=stage.jobs, recorder=stage.recorder, waker=Waker(queue=stage.queue)
    )

    with capture_logs() as lines:
        cancel(Caller(user_id="ann"), "job1")
        cancel(Caller(user_id="ann"), "job1")

    (line,) = [line for line in lines if line["event"] == "job_ended"]
    assert (line["status"], line["code"]) == ("failed", "cancelled")


def test_a_job_that_is_abandoned_is_told(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    stage.clock.move(timedelta(hours=3))

    with capture_logs() as lines:
        stage.sweep()
        stage.sweep()

    (line,) = [line for line in lines if line["event"] == "job_ended"]
    assert (line["status"], line["code"]) == ("failed", "deadline_exceeded")


def test_a_task_that_answered_late_is_stopped_once_another_delivered(
    stage: Stage,
) -> None:
    job = with_late_answer()
    stage.jobs.put(replace(storing_at_veo(job), wake_at=NOON))
    stage.clock.move(10 * MINUTE)

    step(stage)
    step(stage)

    assert stage.job.delivered
    assert [t.task_id for t in stage.links[RUNWAY].cancelled] == ["late"]
    assert stage.links[VEO].cancelled == []
    assert stage.job.attempts[0].cost_usd == stage.job.attempts[0].price_usd


def storing_at_veo(job: Job) -> Job:
    polled = Polled(attempt_id=str(VEO), poll=Succeeded())
    return apply(job, polled, NOON + 3 * MINUTE)


def test_the_loser_of_the_race_stops_nothing(stage: Stage) -> None:
    stage.jobs.put(storing_at_veo(with_late_answer()))
    stage.clock.move(10 * MINUTE)
    other = stage.jobs.get("job1")
    done = apply(other.job, stored_by(VEO), stage.clock.now())
    link = stage.links[VEO]
    plain = link.fetch

    def fetch(task: TaskRef) -> Result:
        stage.jobs.commit(other, replace(done, version=99, commit_id="other"))
        return plain(task)

    link.fetch = fetch  # type: ignore[method-assign] # a race, staged
    step(stage)

    assert stage.job.is_final
    assert stage.links[RUNWAY].cancelled == []


def test_the_task_of_a_job_deleted_meanwhile_is_stopped(stage: Stage) -> None:
    stage.jobs.put(a_job(chain=(RUNWAY,)))

    def ends_and_is_deleted() -> None:
        stage.clock.move(95 * SECOND)
        step(stage)
        assert stage.job.is_final
        stage.jobs.remove("job1")

    stage.links[RUNWAY].during_start = ends_and_is_deleted
    with capture_logs() as lines:
        step(stage)

    assert [t.task_id for t in stage.links[RUNWAY].cancelled] == ["task1"]
    assert count("answer_came_after_the_end", lines) == 1


def test_an_answer_that_cannot_be_kept_is_at_least_told(stage: Stage) -> None:
    stage.jobs.put(a_job(chain=(RUNWAY,)))
    down = [Trouble.UNREACHABLE] * (len(STUBBORNLY) + 1)
    stage.links[RUNWAY].during_start = lambda: stage.jobs.troubles.extend(down)

    with capture_logs() as lines, pytest.raises(Unreachable):
        step(stage)

    (line,) = [line for line in lines if line["event"] == "answer_not_recorded"]
    assert line["task_id"] == "task1"


def test_a_cancel_that_only_marks_tells_no_end(stage: Stage) -> None:
    before = stage.jobs.put(running(a_job(), RUNWAY))

    with capture_logs() as lines:
        stage.recorder.record(before, CancelRequested())

    assert lines == []
