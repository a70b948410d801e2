"""The lines that metrics count: one for each attempt and each job that ended."""

from collections.abc import Mapping, Sequence
from typing import Any

from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Failed, Rejected, Succeeded, Working
from tests.domain.examples import a_new_job
from tests.usecases.harness import Harness

Line = Mapping[str, Any]
SAID = "the prompt 'a cat' was not taken, task 77"


def logged(harness: Harness) -> Sequence[Line]:
    """All that is logged on the whole way of a new job."""
    harness.jobs.put(a_new_job())
    with capture_logs() as lines:
        harness.run()
    return lines


def of(event: str, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line["event"] == event]


def test_a_finished_job_is_logged_once_with_its_cost(harness: Harness) -> None:
    harness.providers[ProviderId.RUNWAY].polls = [Working(progress=0.5), Succeeded()]

    (line,) = of("job_finished", logged(harness))

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

    lines = of("attempt_finished", logged(harness))

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

    lines = logged(harness)

    assert harness.job.problem
    assert SAID in (harness.job.attempts[0].problem or harness.job.problem).detail
    assert of("job_finished", lines)[0]["code"] == "prompt_refused"
    assert SAID not in repr(lines)
