"""The lines that metrics count: one for each attempt and each job that ended."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import Link
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Failed, Rejected, Succeeded, Working
from tests.domain.examples import a_new_job
from tests.usecases.stage import Stage

Line = Mapping[str, Any]
SAID = "the prompt 'a cat' was not taken, task 77"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def told(stage: Stage) -> Sequence[Line]:
    """All that is logged on the whole way of a new job."""
    stage.jobs.put(a_new_job())
    with capture_logs() as lines:
        stage.run()
    return lines


def of(event: str, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line["event"] == event]


def test_a_job_that_ended_is_told_once_with_what_it_cost(stage: Stage) -> None:
    stage.links[Link.RUNWAY].polls = [Working(progress=0.5), Succeeded()]

    (line,) = of("job_ended", told(stage))

    assert dict(line) == {
        "event": "job_ended",
        "log_level": "info",
        "job_id": "job1",
        "status": "completed",
        "ai_model": "runway",
        "code": None,
        "cost_usd": str(stage.job.cost_usd),
        "duration_seconds": (
            stage.job.updated_at - stage.job.created_at
        ).total_seconds(),
        "attempts": 1,
    }


def test_each_attempt_that_ended_is_told_once(stage: Stage) -> None:
    refused = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED, detail=SAID))
    stage.links[Link.RUNWAY].submissions = [refused]
    stage.links[Link.RUNWAY_HTTP].submissions = [refused]
    stage.links[Link.VEO].polls = [Succeeded()]

    lines = of("attempt_ended", told(stage))

    assert [(a["ai_model"], a["outcome"], a["code"]) for a in lines] == [
        (a.link, a.state, a.problem and a.problem.code) for a in stage.job.attempts
    ]
    assert [a["cost_usd"] for a in lines] == [
        str(a.cost_usd) for a in stage.job.attempts
    ]


def test_what_a_vendor_said_is_not_in_the_log(stage: Stage) -> None:
    failed = Failed(problem=Problem(code=ErrorCode.PROMPT_REFUSED, detail=SAID))
    stage.links[Link.RUNWAY].polls = [failed]

    lines = told(stage)

    assert stage.job.problem
    assert SAID in (stage.job.attempts[0].problem or stage.job.problem).detail
    assert of("job_ended", lines)[0]["code"] == "prompt_refused"
    assert SAID not in repr(lines)
