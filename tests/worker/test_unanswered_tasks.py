"""A task whose vendor stopped answering is followed again if nothing else delivered."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.outcomes import Failed, Poll, PollFailed, Succeeded, Working
from shared.domain.structs import replace
from shared.ports.providers import TaskRef
from tests.domain.examples import (
    HTTP,
    MINUTE,
    NOON,
    OMNI,
    RUNWAY,
    VEO,
    a_job,
    polled,
    rejected,
    running,
    states,
)
from tests.fakes.interpose import before
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import ANN, Harness

SILENT = PollFailed(detail="502")


def fall_silent(
    harness: Harness, until: timedelta, vendor: Sequence[ProviderId] = (RUNWAY, HTTP)
) -> None:
    """It answers no poll and no cancel until then; its video is done by then."""

    def poll(task: TaskRef) -> Poll:
        return SILENT if harness.clock.at < NOON + until else Succeeded()

    for name in vendor:
        provider: ScriptedProvider = harness.providers[name]
        provider.poll = poll  # type: ignore[method-assign] # a simulated outage
        provider.cancels = [False]


@pytest.mark.parametrize("chain", [(RUNWAY,), (RUNWAY, VEO)], ids=["alone", "failed"])
def test_a_task_is_followed_without_an_alarm_if_no_other_provider_is_left(
    harness: Harness, chain: tuple[ProviderId, ...]
) -> None:
    harness.jobs.put(running(a_job(chain=chain), RUNWAY))
    fall_silent(harness, timing.ATTEMPT_LIMIT + 5 * MINUTE)
    harness.providers[VEO].submissions = [rejected(ErrorCode.PROVIDER_ERROR)]

    assert lines_on_silence(harness) == []

    assert states(harness.job)[0] == ("runway", "succeeded")
    assert harness.job.cost_usd == harness.job.attempts[0].cost_usd


def test_a_silent_vendor_is_given_up_at_the_deadline(harness: Harness) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))
    fall_silent(harness, timing.STORE_LIMIT)

    job = harness.run()

    assert job.problem and job.problem.code is ErrorCode.ALL_PROVIDERS_FAILED
    (attempt,) = job.attempts
    assert attempt.problem and attempt.problem.code is ErrorCode.DEADLINE_EXCEEDED
    # Its last look has as many tries as the first one had.
    assert attempt.closing_polls == timing.MAX_CLOSING_POLLS
    assert attempt.cancel_tries == timing.MAX_CANCEL_TRIES
    assert job.deadline_at <= job.updated_at < job.deadline_at + 2 * MINUTE


def lines_on_silence(harness: Harness) -> list[EventDict]:
    with capture_logs() as lines:
        harness.run()
    return [line for line in lines if line["event"] == "vendor_stayed_silent"]


@pytest.mark.parametrize("delivered", [False, True])
def test_the_owner_learns_of_a_task_whose_vendor_never_answered(
    harness: Harness, *, delivered: bool
) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    fall_silent(harness, timing.STORE_LIMIT)
    if delivered:
        harness.providers[VEO].polls = [Succeeded()]
    else:
        harness.providers[VEO].submissions = [rejected(ErrorCode.PROVIDER_ERROR)]

    (line,) = lines_on_silence(harness)

    assert line["log_level"] == "error"
    assert (line["job_id"], line["ai_model"]) == ("job1", "runway")
    assert line["task_id"] == "task-runway"
    assert line["delivered"] is delivered


def test_no_alarm_if_another_worker_got_an_answer(harness: Harness) -> None:
    job = running(a_job(chain=(RUNWAY,)), RUNWAY)
    for _ in range(timing.MAX_CLOSING_POLLS):
        job = polled(job, SILENT, NOON + timing.ATTEMPT_LIMIT)
    assert states(job) == [("runway", "cancelling")]
    failed = Failed(problem=Problem(code=ErrorCode.PROVIDER_ERROR))
    harness.jobs.put(polled(job, failed, NOON + timing.ATTEMPT_LIMIT))

    assert lines_on_silence(harness) == []


def test_each_silent_vendor_is_asked_again_at_the_end(harness: Harness) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY, OMNI)), RUNWAY))
    fall_silent(harness, timing.STORE_LIMIT)
    fall_silent(harness, timing.JOB_LIMIT - 5 * MINUTE, (OMNI,))

    assert states(harness.run()) == [
        ("runway", "failed"),
        ("gemini-omni-flash", "succeeded"),
    ]


def test_a_silent_vendor_is_asked_after_our_outage(harness: Harness) -> None:
    job = running(a_job(chain=(RUNWAY,)), RUNWAY)
    closing = replace(
        job.attempts[0],
        state=AttemptState.CANCELLING,
        polled_at=job.attempts[0].deadline_at,
        closing_polls=timing.MAX_CLOSING_POLLS,
    )
    harness.jobs.put(replace(job.with_attempt(closing), wake_at=NOON))
    fall_silent(harness, timing.JOB_LIMIT)
    harness.clock.move(2 * timing.JOB_LIMIT)

    assert states(harness.run()) == [("runway", "succeeded")]


def test_a_file_that_a_silent_vendor_writes_late_is_delivered(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(chain=(OMNI,)), OMNI))
    fall_silent(harness, timing.STORE_LIMIT, (OMNI,))

    def write_late() -> None:
        if harness.clock.at > NOON + timing.ATTEMPT_LIMIT + 5 * MINUTE:
            harness.bucket.objects[f"incoming/job1/{OMNI}/v.mp4"] = b"an mp4"

    before(harness.bucket, "list", write_late)

    assert states(harness.run()) == [("gemini-omni-flash", "succeeded")]


def test_a_silent_vendors_bad_file_is_given_up(harness: Harness) -> None:
    harness.jobs.put(running(a_job(chain=(VEO,)), VEO))
    fall_silent(harness, timing.STORE_LIMIT, (VEO,))
    harness.bucket.objects[f"incoming/job1/{VEO}/v.mp4"] = b"bad"

    attempt = harness.run().attempts[0]

    assert attempt.problem and attempt.problem.code is ErrorCode.BAD_OUTPUT
    assert attempt.bad_outputs == timing.MAX_BAD_OUTPUTS


def test_no_task_of_a_cancelled_job_is_followed_again_or_reported(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))
    fall_silent(harness, timing.STORE_LIMIT)
    harness.cancel_video(ANN, "job1")

    assert lines_on_silence(harness) == []
    assert harness.job.updated_at < NOON + timing.ATTEMPT_LIMIT + 2 * MINUTE


def test_no_task_that_was_cancelled_at_its_vendor_is_followed_again(
    harness: Harness,
) -> None:
    harness.jobs.put(closing(SILENT, timing.MAX_CLOSING_POLLS))
    harness.providers[VEO].submissions = [rejected(ErrorCode.PROVIDER_ERROR)]

    assert harness.run().updated_at < NOON + timing.ATTEMPT_LIMIT + 2 * MINUTE
    (task,) = harness.providers[HTTP].cancelled
    assert task.task_id == "task-runway"


@pytest.mark.parametrize(
    ("poll", "polls", "then"),
    [(SILENT, timing.MAX_CLOSING_POLLS, ()), (Working(), 1, (SILENT,))],
    ids=["silent at its deadline", "silent before the cancel"],
)
def test_no_alarm_if_the_vendor_answered_before_the_cancel(
    harness: Harness, poll: Poll, polls: int, then: Sequence[Poll]
) -> None:
    harness.jobs.put(closing(poll, polls))
    harness.clock.move(timing.ATTEMPT_LIMIT + MINUTE)
    for name in (RUNWAY, HTTP):
        harness.providers[name].polls = [*then, Working()]
    harness.providers[VEO].submissions = [rejected(ErrorCode.PROVIDER_ERROR)]

    assert lines_on_silence(harness) == []
    assert harness.providers[HTTP].cancelled or harness.providers[RUNWAY].cancelled


def test_a_task_at_work_at_its_deadline_is_given_up(harness: Harness) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))
    harness.providers[RUNWAY].polls = [Working()]
    harness.providers[RUNWAY].cancels = [False]

    assert harness.run().updated_at < NOON + timing.ATTEMPT_LIMIT + 2 * MINUTE


def closing(poll: Poll, polls: int) -> Job:
    """At its deadline, its vendor has answered so; it is about to be cancelled."""
    job = running(a_job(chain=(RUNWAY, VEO)), RUNWAY)
    for _ in range(polls):
        job = polled(job, poll, NOON + timing.ATTEMPT_LIMIT)
    assert states(job) == [("runway", "cancelling")]
    return job


@pytest.mark.parametrize(
    ("poll", "polls", "late"),
    [(Working(), 1, MINUTE), (SILENT, timing.MAX_CLOSING_POLLS, timedelta(0))],
    ids=["we were down", "its vendor was silent"],
)
def test_a_task_that_has_succeeded_meanwhile_is_not_cancelled(
    harness: Harness, poll: Poll, polls: int, late: timedelta
) -> None:
    """To cancel it would delete its video."""
    job = closing(poll, polls)
    harness.jobs.put(job)
    harness.providers[RUNWAY].polls = harness.providers[HTTP].polls = [Succeeded()]
    assert job.wake_at
    harness.clock.move_to(job.wake_at + late)

    assert states(harness.run()) == [("runway", "succeeded")]
    assert not any(provider.cancelled for provider in harness.providers.values())


@pytest.mark.parametrize(
    ("poll", "polls"),
    [(Working(), 1), (SILENT, timing.MAX_CLOSING_POLLS)],
    ids=["at work at its deadline", "silent at its deadline"],
)
@pytest.mark.parametrize("repeated", [1, 2], ids=["once", "twice"])
def test_a_task_is_not_cancelled_while_its_vendor_answers_no_polls(
    harness: Harness, poll: Poll, polls: int, repeated: int
) -> None:
    """It may have succeeded meanwhile; its vendor would take the cancel."""
    harness.jobs.put(closing(poll, polls))
    harness.clock.move(timing.ATTEMPT_LIMIT + MINUTE)
    runway, http = harness.providers[RUNWAY], harness.providers[HTTP]
    runway.polls = http.polls = [SILENT, Succeeded()]

    for _ in range(repeated):  # the second task is a duplicate
        harness.step()

    assert states(harness.run()) == [("runway", "succeeded")]
    assert runway.cancelled == http.cancelled == []


def test_the_task_of_a_cancelled_job_is_cancelled_whatever_its_vendor_answers(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))
    fall_silent(harness, timing.STORE_LIMIT)
    harness.providers[HTTP].cancels = [True]
    harness.cancel_video(ANN, "job1")

    assert states(harness.run()) == [("runway", "cancelled")]
    assert len(harness.providers[HTTP].cancelled) == 1


def test_a_task_that_has_failed_meanwhile_is_settled_by_its_vendors_word(
    harness: Harness,
) -> None:
    job = closing(Working(), 1)
    harness.jobs.put(job)
    problem = Problem(code=ErrorCode.OUTPUT_FILTERED)
    failed = Failed(problem=problem, cost_usd=Decimal(0))
    harness.providers[RUNWAY].polls = [failed]
    harness.clock.move(timing.ATTEMPT_LIMIT + MINUTE)

    attempt = harness.step().attempts[0]

    assert attempt.problem == problem
    assert attempt.cost_usd == 0


@pytest.mark.parametrize(("late", "polls"), [(0, 0), (60, 1)])
def test_a_task_that_still_works_is_cancelled_and_not_polled_twice_at_once(
    harness: Harness, late: int, polls: int
) -> None:
    harness.jobs.put(closing(Working(), 1))
    harness.clock.move(timing.ATTEMPT_LIMIT)
    harness.clock.pause(late)

    harness.step()

    runway = harness.providers[RUNWAY]
    assert (len(runway.polled), len(runway.cancelled)) == (polls, 1)


@pytest.mark.parametrize(("late", "polls"), [(0, 0), (60, 1)])
def test_a_cancel_that_fails_is_no_reason_to_poll_again_within_five_seconds(
    harness: Harness, late: int, polls: int
) -> None:
    harness.jobs.put(closing(Working(), 1))
    harness.clock.move(timing.ATTEMPT_LIMIT)
    harness.clock.pause(late)
    runway = harness.providers[RUNWAY]
    runway.cancels = [False, True]

    for _ in range(2):  # the second task is a duplicate
        harness.advance("job1", from_starts_queue=False)

    assert (len(runway.polled), len(runway.cancelled)) == (polls, 2)


def test_a_duplicate_task_cancels_no_silent_vendors_task_before_its_last_poll(
    harness: Harness,
) -> None:
    harness.jobs.put(closing(SILENT, timing.MAX_CLOSING_POLLS))
    harness.clock.move(timing.ATTEMPT_LIMIT)

    harness.advance("job1", from_starts_queue=False)

    assert not any(provider.cancelled for provider in harness.providers.values())
