"""`job_finished` and `attempt_finished` are logged once, for the metrics to count."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem, Unreachable
from shared.domain.job import AttemptState
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Gone,
    Poll,
    PollFailed,
    Rejected,
    Submitted,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from shared.jobs.events import log_finished
from tests.domain.examples import (
    HTTP,
    MINUTE,
    NOON,
    OMNI,
    RUNWAY,
    SECOND,
    VEO,
    a_job,
    a_new_job,
    answered,
    completed,
    due,
    running,
    storing,
)
from tests.domain.examples import stored as stored_by
from tests.fakes.interpose import before, before_next
from tests.fakes.jobs import Trouble
from tests.usecases.harness import ANN, Harness

Line = Mapping[str, Any]
APPLIED, NOT_APPLIED = Trouble.APPLIED, Trouble.NOT_APPLIED


def logged(harness: Harness, *acts: Callable[[], object]) -> Sequence[Line]:
    with capture_logs() as lines:
        for act in acts:
            act()
    return lines


def of(event: str, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line["event"] == event]


@pytest.mark.parametrize(("store_until", "alarms"), [(None, 1), (NOON, 0)])
def test_a_vendor_whose_file_was_found_did_not_stay_silent(
    harness: Harness, store_until: datetime | None, alarms: int
) -> None:
    ended = completed(a_job(), RUNWAY)
    failed = replace(
        ended.attempts[0],
        state=AttemptState.FAILED,
        closing_polls=timing.MAX_CLOSING_POLLS,
        store_until=store_until,
    )
    end = partial(log_finished, running(a_job(), RUNWAY), ended.with_attempt(failed))

    assert len(of("vendor_stayed_silent", logged(harness, end))) == alarms


def test_only_one_of_two_steps_that_end_a_job_logs_it(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    before_next(harness.providers[RUNWAY], "fetch", harness.step)

    lines = logged(harness, harness.step)

    assert len(of("job_finished", lines)) == len(of("attempt_finished", lines)) == 1


@pytest.mark.parametrize(
    "troubles",
    [[APPLIED], [NOT_APPLIED], [Trouble.LOST_RACE, APPLIED]],
    ids=", then ".join,
)
def test_a_finished_job_whose_commit_is_uncertain_is_logged_once(
    harness: Harness, troubles: list[Trouble]
) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    harness.jobs.troubles = troubles

    assert len(of("job_finished", logged(harness, harness.step))) == 1


def test_a_cancelled_or_abandoned_job_is_logged_once(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.jobs.put(a_new_job(job_id="job2"))
    cancel = partial(harness.cancel_video, ANN, "job1")
    harness.clock.move(timedelta(days=2))

    lines = of(
        "job_finished", logged(harness, cancel, cancel, harness.sweep, harness.sweep)
    )

    assert [(line["status"], line["code"]) for line in lines] == [
        ("failed", "cancelled"),
        ("failed", "deadline_exceeded"),
    ]


def test_an_answer_after_the_end_logs_nothing_a_second_time(
    harness: Harness,
) -> None:
    unknown = Unknown(detail="no answer")
    harness.jobs.put(answered(a_job(stop_on_unknown=True), RUNWAY, unknown))
    assert harness.job.is_final
    late = Submitted(attempt_id=RUNWAY, submission=Accepted(task_id="late"))

    lines = logged(
        harness, lambda: harness.committer.commit(harness.jobs.get("job1"), late)
    )

    assert harness.job.attempts[0].task_id == "late"
    assert lines == []


def test_an_attempt_is_logged_with_its_own_time_and_a_skipped_one_not_counted(
    harness: Harness,
) -> None:
    skipped = settle(a_job(chain=(RUNWAY, VEO, OMNI), audio=True), NOON)
    refused = Rejected(problem=Problem(code=ErrorCode.INPUT_NOT_ACCEPTED))
    before_end = answered(skipped, VEO, refused)
    after = completed(before_end, OMNI, NOON + MINUTE)

    lines = logged(harness, lambda: log_finished(before_end, after))

    ended = of("attempt_finished", lines)
    assert [line["duration_seconds"] for line in ended] == [0, 0, 0]
    assert [line["attempts"] for line in of("job_finished", lines)] == [2]


def test_the_loser_of_the_race_cancels_nothing(harness: Harness) -> None:
    unknown = answered(a_job(), RUNWAY, Unknown(detail="no answer"))
    late = Submitted(attempt_id=RUNWAY, submission=Accepted(task_id="late"))
    harness.jobs.put(apply(storing(unknown, VEO), late, NOON))
    harness.clock.move(10 * MINUTE)
    other = harness.jobs.get("job1")
    done = apply(other.value, stored_by(VEO), harness.clock.now())
    rival = replace(done, version=99, commit_id="other")
    veo = harness.providers[VEO]
    before_next(veo, "fetch", lambda: harness.jobs.commit(other, rival))
    harness.step()

    assert harness.job.is_final
    assert harness.providers[RUNWAY].cancelled == []


def test_the_task_of_a_job_deleted_meanwhile_is_cancelled(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))

    def ends_and_is_deleted() -> None:
        harness.clock.move(95 * SECOND)
        harness.step()
        assert harness.job.is_final
        harness.jobs.remove("job1")

    harness.providers[RUNWAY].during_start = ends_and_is_deleted
    accepted = Accepted(task_id="task1", platform="old")
    harness.providers[RUNWAY].submissions = [accepted]
    lines = logged(harness, lambda: harness.advance("job1", from_starts_queue=True))

    cancelled = harness.providers[RUNWAY].cancelled
    assert [(t.task_id, t.platform) for t in cancelled] == [("task1", "old")]
    (line,) = of("accepted_after_job_ended", lines)
    found = (line["job_id"], line["ai_model"], line["task_id"])
    assert found == ("job1", "runway", "task1")


@pytest.mark.parametrize(
    ("poll", "event"),
    [(PollFailed(detail="why"), "poll_failed"), (Gone(detail="why"), "task_gone")],
)
def test_a_poll_that_does_not_find_its_task_says_why(
    harness: Harness, poll: Poll, event: str
) -> None:
    harness.jobs.put(due(running(a_job(), RUNWAY)))
    harness.providers[RUNWAY].polls = [poll]
    harness.clock.move(MINUTE)

    (line,) = of(event, logged(harness, harness.step))

    found = (line["job_id"], line["ai_model"], line["why"])
    assert found == ("job1", "runway", "why")


VENDORS_TEXT = "the prompt 'a cat' was not taken, task 77"


def log_of_whole_job(harness: Harness) -> Sequence[Line]:
    """Run a new job to its end; returns everything logged."""
    harness.jobs.put(a_new_job())
    return logged(harness, harness.run)


def test_a_finished_job_is_logged_once_with_its_cost(harness: Harness) -> None:
    harness.providers[RUNWAY].polls = [Working(progress=0.5), Succeeded()]

    (line,) = of("job_finished", log_of_whole_job(harness))

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
    refused = Rejected(
        problem=Problem(code=ErrorCode.ACCESS_DENIED, detail=VENDORS_TEXT)
    )
    harness.providers[RUNWAY].submissions = [refused]
    harness.providers[HTTP].submissions = [refused]
    harness.providers[VEO].polls = [Succeeded()]

    lines = of("attempt_finished", log_of_whole_job(harness))

    assert [(a["ai_model"], a["outcome"], a["code"]) for a in lines] == [
        (a.provider_id, a.state, a.problem and a.problem.code)
        for a in harness.job.attempts
    ]
    assert [a["cost_usd"] for a in lines] == [
        str(a.cost_usd) for a in harness.job.attempts
    ]


def followed_again(harness: Harness) -> None:
    """Veo was tried and failed before Runway handed out its result."""
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    refused = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED))
    harness.providers[VEO].submissions = [refused]

    def fail_for_40_minutes() -> None:
        if harness.clock.at < NOON + 40 * MINUTE:
            raise Unreachable("503")

    before(harness.providers[RUNWAY], "fetch", fail_for_40_minutes)


def test_an_attempt_that_is_followed_again_is_logged_once(harness: Harness) -> None:
    followed_again(harness)

    lines = of("attempt_finished", logged(harness, harness.run))

    assert [(a["ai_model"], a["outcome"]) for a in lines] == [
        ("runway", "succeeded"),
        ("gemini-veo-3.1", "rejected"),
    ]


def test_the_log_names_the_provider_that_is_followed_again(harness: Harness) -> None:
    followed_again(harness)

    lines = logged(harness, harness.run)

    stores = [line for line in of("step_taken", lines) if line["step"] == "Store"]
    assert {line["ai_model"] for line in stores} == {"runway"}
    assert max(line["store_tries"] for line in stores) > timing.MIN_FETCH_TRIES
    assert of("job_finished", lines)[0]["ai_model"] == "runway"


def test_a_vendors_text_is_not_in_the_log(harness: Harness) -> None:
    failed = Failed(problem=Problem(code=ErrorCode.PROMPT_REFUSED, detail=VENDORS_TEXT))
    harness.providers[RUNWAY].polls = [failed]

    lines = log_of_whole_job(harness)

    assert harness.job.problem
    assert (
        VENDORS_TEXT in (harness.job.attempts[0].problem or harness.job.problem).detail
    )
    assert of("job_finished", lines)[0]["code"] == "prompt_refused"
    assert VENDORS_TEXT not in repr(lines)
