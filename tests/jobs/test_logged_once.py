"""An end is logged once, by its own commit, which also stops what is of no use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
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
from shared.jobs.commit import LONG_BACKOFF
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.providers import (
    Result,
    TaskRef,
)
from shared.usecases.cancel_video import CancelVideo
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
from tests.usecases.harness import Harness

RUNWAY, VEO = ProviderId.RUNWAY, ProviderId.VEO
Line = Mapping[str, Any]


def meanwhile(harness: Harness, happens: Callable[[], object]) -> None:
    """`happens` once, while Runway is asked for its result."""
    provider_id = harness.providers[RUNWAY]
    plain = provider_id.fetch

    def fetch(task: TaskRef) -> Result:
        provider_id.fetch = plain  # type: ignore[method-assign] # once
        happens()
        return plain(task)

    provider_id.fetch = fetch  # type: ignore[method-assign] # a race, staged


def step(harness: Harness) -> None:
    harness.advance("job1", from_starts_queue=True)


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


def test_of_two_steps_that_end_a_job_one_logs_it(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    meanwhile(harness, lambda: step(harness))

    with capture_logs() as lines:
        step(harness)

    assert (count("job_finished", lines), count("attempt_finished", lines)) == (1, 1)


@pytest.mark.parametrize(
    "troubles",
    [[Trouble.APPLIED], [Trouble.NOT_APPLIED], [Trouble.LOST_RACE, Trouble.APPLIED]],
    ids=", then ".join,
)
def test_an_end_whose_commit_is_uncertain_is_logged_once(
    harness: Harness, troubles: list[Trouble]
) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    harness.jobs.troubles = troubles

    with capture_logs() as lines:
        step(harness)

    assert count("job_finished", lines) == 1


def test_a_cancelled_job_is_logged_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    cancel = CancelVideo(
        jobs=harness.jobs,
        committer=harness.committer,
        scheduler=TaskScheduler(queue=harness.queue),
    )

    with capture_logs() as lines:
        cancel(Caller(user_id="ann"), "job1")
        cancel(Caller(user_id="ann"), "job1")

    (line,) = [line for line in lines if line["event"] == "job_finished"]
    assert (line["status"], line["code"]) == ("failed", "cancelled")


def test_an_abandoned_job_is_logged_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.clock.move(timedelta(hours=3))

    with capture_logs() as lines:
        harness.sweep()
        harness.sweep()

    (line,) = [line for line in lines if line["event"] == "job_finished"]
    assert (line["status"], line["code"]) == ("failed", "deadline_exceeded")


def test_a_task_that_answered_late_is_stopped_once_another_delivered(
    harness: Harness,
) -> None:
    job = with_late_answer()
    harness.jobs.put(replace(storing_at_veo(job), wake_at=NOON))
    harness.clock.move(10 * MINUTE)

    step(harness)
    step(harness)

    assert harness.job.delivered
    assert [t.task_id for t in harness.providers[RUNWAY].cancelled] == ["late"]
    assert harness.providers[VEO].cancelled == []
    assert harness.job.attempts[0].cost_usd == harness.job.attempts[0].price_usd


def storing_at_veo(job: Job) -> Job:
    polled = Polled(attempt_id=str(VEO), poll=Succeeded())
    return apply(job, polled, NOON + 3 * MINUTE)


def test_the_loser_of_the_race_stops_nothing(harness: Harness) -> None:
    harness.jobs.put(storing_at_veo(with_late_answer()))
    harness.clock.move(10 * MINUTE)
    other = harness.jobs.get("job1")
    done = apply(other.value, stored_by(VEO), harness.clock.now())
    provider_id = harness.providers[VEO]
    plain = provider_id.fetch

    def fetch(task: TaskRef) -> Result:
        harness.jobs.commit(other, replace(done, version=99, commit_id="other"))
        return plain(task)

    provider_id.fetch = fetch  # type: ignore[method-assign] # a race, staged
    step(harness)

    assert harness.job.is_final
    assert harness.providers[RUNWAY].cancelled == []


def test_the_task_of_a_job_deleted_meanwhile_is_stopped(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))

    def ends_and_is_deleted() -> None:
        harness.clock.move(95 * SECOND)
        step(harness)
        assert harness.job.is_final
        harness.jobs.remove("job1")

    harness.providers[RUNWAY].during_start = ends_and_is_deleted
    with capture_logs() as lines:
        step(harness)

    assert [t.task_id for t in harness.providers[RUNWAY].cancelled] == ["task1"]
    assert count("answer_came_after_the_end", lines) == 1


def test_an_answer_that_cannot_be_recorded_is_logged(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    down = [Trouble.UNREACHABLE] * (len(LONG_BACKOFF) + 1)
    harness.providers[RUNWAY].during_start = lambda: harness.jobs.troubles.extend(down)

    with capture_logs() as lines, pytest.raises(Unreachable):
        step(harness)

    (line,) = [line for line in lines if line["event"] == "answer_not_recorded"]
    assert line["task_id"] == "task1"


def test_a_cancel_that_only_marks_logs_no_end(harness: Harness) -> None:
    before = harness.jobs.put(running(a_job(), RUNWAY))

    with capture_logs() as lines:
        harness.committer.commit(before, CancelRequested())

    assert lines == []
