"""Ends are logged once, by the commit that ended the job, for the metrics to count."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import (
    Accepted,
    Failed,
    LeaseExpired,
    Polled,
    Rejected,
    Submitted,
    Succeeded,
    Working,
)
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from shared.jobs.commit import LONG_BACKOFF
from shared.ports.providers import Result, TaskRef
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
from tests.usecases.harness import ANN, Harness

RUNWAY, VEO = ProviderId.RUNWAY, ProviderId.VEO
Line = Mapping[str, Any]
APPLIED, NOT_APPLIED = Trouble.APPLIED, Trouble.NOT_APPLIED


def logged(harness: Harness, *acts: Callable[[], object]) -> Sequence[Line]:
    with capture_logs() as lines:
        for act in acts:
            act()
    return lines


def of(event: str, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line["event"] == event]


def during_fetch(
    harness: Harness, provider_id: ProviderId, happens: Callable[[], object]
) -> None:
    """`happens` once, while this provider is asked for its result."""
    provider = harness.providers[provider_id]
    plain = provider.fetch

    def fetch(task: TaskRef) -> Result:
        provider.fetch = plain  # type: ignore[method-assign] # once
        happens()
        return plain(task)

    provider.fetch = fetch  # type: ignore[method-assign] # a race, staged


def test_of_two_steps_that_end_a_job_one_logs_it(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    during_fetch(harness, RUNWAY, harness.step)

    lines = logged(harness, harness.step)

    assert len(of("job_finished", lines)) == len(of("attempt_finished", lines)) == 1


@pytest.mark.parametrize(
    "troubles",
    [[APPLIED], [NOT_APPLIED], [Trouble.LOST_RACE, APPLIED]],
    ids=", then ".join,
)
def test_an_end_whose_commit_is_uncertain_is_logged_once(
    harness: Harness, troubles: list[Trouble]
) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    harness.jobs.troubles = troubles

    assert len(of("job_finished", logged(harness, harness.step))) == 1


def test_a_cancelled_or_abandoned_job_is_logged_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.jobs.put(a_new_job(job_id="job2"))
    cancel = partial(harness.cancel_video, ANN, "job1")
    harness.clock.move(timedelta(hours=3))

    lines = of(
        "job_finished", logged(harness, cancel, cancel, harness.sweep, harness.sweep)
    )

    assert [(line["status"], line["code"]) for line in lines] == [
        ("failed", "cancelled"),
        ("failed", "deadline_exceeded"),
    ]


def with_late_answer() -> Job:
    """Runway's answer was given up, Veo's task is made, and then Runway answered."""
    at = NOON + 2 * MINUTE
    expired = LeaseExpired(attempt_id=str(RUNWAY))
    unknown = settle(apply(started(a_job(), RUNWAY), expired, at), at)
    asked = running(unknown, VEO, at)
    late = Submitted(attempt_id=str(RUNWAY), submission=Accepted(task_id="late"))
    return apply(asked, late, at)


def test_a_task_that_answered_late_is_stopped_once_another_delivered(
    harness: Harness,
) -> None:
    job = with_late_answer()
    harness.jobs.put(replace(storing_at_veo(job), wake_at=NOON))
    harness.clock.move(10 * MINUTE)

    harness.step()
    harness.step()

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
    rival = replace(done, version=99, commit_id="other")
    during_fetch(harness, VEO, lambda: harness.jobs.commit(other, rival))
    harness.step()

    assert harness.job.is_final
    assert harness.providers[RUNWAY].cancelled == []


def test_the_task_of_a_job_deleted_meanwhile_is_stopped(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))

    def ends_and_is_deleted() -> None:
        harness.clock.move(95 * SECOND)
        harness.step()
        assert harness.job.is_final
        harness.jobs.remove("job1")

    harness.providers[RUNWAY].during_start = ends_and_is_deleted
    lines = logged(harness, lambda: harness.advance("job1", from_starts_queue=True))

    assert [t.task_id for t in harness.providers[RUNWAY].cancelled] == ["task1"]
    assert len(of("answer_came_after_the_end", lines)) == 1


def test_an_answer_that_cannot_be_recorded_is_logged(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    down = [Trouble.UNREACHABLE] * (len(LONG_BACKOFF) + 1)
    harness.providers[RUNWAY].during_start = lambda: harness.jobs.troubles.extend(down)

    with capture_logs() as lines, pytest.raises(Unreachable):
        harness.step()

    (line,) = of("answer_not_recorded", lines)
    assert line["task_id"] == "task1"


SAID = "the prompt 'a cat' was not taken, task 77"


def whole_way(harness: Harness) -> Sequence[Line]:
    """Everything that is logged from a new job to its end."""
    harness.jobs.put(a_new_job())
    return logged(harness, harness.run)


def test_a_finished_job_is_logged_once_with_its_cost(harness: Harness) -> None:
    harness.providers[ProviderId.RUNWAY].polls = [Working(progress=0.5), Succeeded()]

    (line,) = of("job_finished", whole_way(harness))

    assert dict(line) == {
        "event": "job_finished",
        "log_level": "info",
        "job_id": "job1",
        "status": "completed",
        "ai_model": "runway",
        "code": None,
        "cost_usd": str(harness.job.cost_usd),
        "duration_seconds": (
            harness.job.updated_at - harness.job.created_at
        ).total_seconds(),
        "attempts": 1,
    }


def test_each_finished_attempt_is_logged_once(harness: Harness) -> None:
    refused = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED, detail=SAID))
    harness.providers[ProviderId.RUNWAY].submissions = [refused]
    harness.providers[ProviderId.RUNWAY_HTTP].submissions = [refused]
    harness.providers[ProviderId.VEO].polls = [Succeeded()]

    lines = of("attempt_finished", whole_way(harness))

    assert [(a["ai_model"], a["outcome"], a["code"]) for a in lines] == [
        (a.provider_id, a.state, a.problem and a.problem.code)
        for a in harness.job.attempts
    ]
    assert [a["cost_usd"] for a in lines] == [
        str(a.cost_usd) for a in harness.job.attempts
    ]


def test_a_vendors_words_are_not_in_the_log(harness: Harness) -> None:
    failed = Failed(problem=Problem(code=ErrorCode.PROMPT_REFUSED, detail=SAID))
    harness.providers[ProviderId.RUNWAY].polls = [failed]

    lines = whole_way(harness)

    assert harness.job.problem
    assert SAID in (harness.job.attempts[0].problem or harness.job.problem).detail
    assert of("job_finished", lines)[0]["code"] == "prompt_refused"
    assert SAID not in repr(lines)
