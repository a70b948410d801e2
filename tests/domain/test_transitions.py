"""The job after each outcome."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.domain import timing
from shared.domain.catalogue import CATALOGUE, ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.next_action import LookForOutput, Prepare, Wait, next_action
from shared.domain.outcomes import (
    Accepted,
    CancelFailed,
    CancelRequested,
    CancelSent,
    CheckStarted,
    Failed,
    GaveUp,
    Gone,
    ImageRefused,
    Intended,
    LeaseExpired,
    NotSent,
    Outcome,
    OutputFound,
    OutputMissing,
    Parked,
    Poll,
    Polled,
    PollFailed,
    Prepared,
    PrepareFailed,
    PrepareStarted,
    Rejected,
    Revived,
    Skipped,
    StoreFailed,
    Submission,
    Submitted,
    Succeeded,
    TranslationSkipped,
    TranslationStarted,
    Unknown,
    Working,
)
from shared.domain.request import Frame
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    CHAIN,
    FAULT,
    HTTP,
    IMAGE,
    MINUTE,
    NOON,
    OMNI,
    RUNWAY,
    SECOND,
    VEO,
    a_job,
    a_new_job,
    answered,
    at_provider,
    completed,
    polled,
    rejected,
    running,
    started,
    state_of,
    states,
    store_failed,
    stored,
    storing,
)

ACCEPTED = Accepted(task_id="late")
UNKNOWN = Unknown(detail="read timeout")
LIMITED = rejected(ErrorCode.RATE_LIMITED)
GONE = Problem(code=ErrorCode.IMAGE_UNREACHABLE)
OUTAGE = Problem(code=ErrorCode.STORAGE_FAILED)
AFTER_LEASE = NOON + timing.LEASE + SECOND
PRICE = Decimal("0.40")


def submitted(provider_id: ProviderId, submission: Submission) -> Submitted:
    return Submitted(attempt_id=str(provider_id), submission=submission)


def lost(**how: Any) -> Job:
    """A job whose Runway attempt never got an answer; Veo is next."""
    return settle(started(a_job(**how), RUNWAY), AFTER_LEASE)


class TestPreparing:
    def test_an_image_that_cannot_be_fetched_ends_the_job_on_the_fourth_try(
        self,
    ) -> None:
        job, waits = a_new_job(), []
        for _ in range(3):
            job = apply(job, PrepareFailed(problem=GONE), NOON)
            assert job.wake_at is not None
            waits.append((job.wake_at - NOON).total_seconds())

        assert waits == [5, 10, 20]
        job = settle(apply(job, PrepareFailed(problem=GONE), NOON), NOON)
        assert job.problem == GONE

    def test_a_late_worker_on_the_first_frame_does_not_hold_up_the_last(self) -> None:
        job = a_new_job(last_image_url="https://example.com/last.jpg")
        job = apply(job, Prepared(image=IMAGE), NOON)

        assert apply(job, PrepareStarted(frame=Frame.FIRST), NOON) is job
        assert apply(job, PrepareStarted(frame=Frame.LAST), NOON) is not job

    @pytest.mark.parametrize(
        ("outcome", "wait"),
        [
            (PrepareFailed(problem=GONE), timing.backoff(1)),
            (PrepareFailed(problem=OUTAGE), timing.OUTAGE_SPACING),
        ],
        ids=["image", "outage"],
    )
    def test_a_failed_try_is_over_at_once_and_repeated_after_a_wait(
        self, outcome: PrepareFailed, wait: timedelta
    ) -> None:
        job = settle(apply(a_new_job(), PrepareStarted(), NOON), NOON)
        assert job.wake_at == NOON + timing.PREPARE_LIMIT + timing.CLOCK_SKEW

        job = apply(job, outcome, NOON)

        assert job.wake_at == NOON + wait
        assert next_action(job, NOON + wait) == Prepare(frame=Frame.FIRST)


NOT_TO_START = {
    "no image": a_new_job(),
    "starting": started(a_job(), RUNWAY),
    "running": running(a_job(), RUNWAY),
    "cancelled": replace(a_job(), cancel_requested_at=NOON),
    "too late": replace(a_job(), deadline_at=NOON),
    "not due": replace(a_job(), wake_at=NOON + MINUTE),
    "completed": completed(a_job(), RUNWAY),
}


class TestIntent:
    def test_an_attempts_deadline_is_its_jobs_at_the_latest(self) -> None:
        at = NOON + timing.JOB_LIMIT - 3 * MINUTE
        job = started(a_job(), RUNWAY, at)

        assert at_provider(job, RUNWAY).deadline_at == job.deadline_at

    @pytest.mark.parametrize("job", NOT_TO_START.values(), ids=NOT_TO_START)
    @pytest.mark.parametrize("provider_id", CHAIN)
    def test_an_intent_that_no_longer_applies_is_dropped(
        self, job: Job, provider_id: ProviderId
    ) -> None:
        assert (
            apply(job, Intended(attempt_id="rival", provider_id=provider_id), NOON)
            is job
        )


class TestSkipping:
    def test_a_skipped_provider_costs_nothing_and_the_next_is_due(self) -> None:
        not_there = Problem(code=ErrorCode.NOT_CONFIGURED)
        job = replace(a_job(), wake_at=NOON + 3 * SECOND)

        job = apply(job, Skipped(provider_id=RUNWAY, problem=not_there), NOON)

        assert states(job) == [("runway", "skipped")]
        assert job.cost_usd == 0
        assert job.attempts[0].problem == not_there
        assert (job.attempts[0].ended_at, job.wake_at) == (NOON, NOON)


class TestAnswers:
    @pytest.mark.parametrize(
        ("submission", "state", "cost_usd"),
        [
            (ACCEPTED, AttemptState.RUNNING, PRICE),
            (UNKNOWN, AttemptState.UNKNOWN, PRICE),
            (LIMITED, AttemptState.REJECTED, 0),
            (NotSent(problem=FAULT), AttemptState.NOT_SENT, 0),
        ],
    )
    def test_a_paid_post_ends_in_one_of_four_ways(
        self, submission: Submission, state: AttemptState, cost_usd: Decimal
    ) -> None:
        job = apply(started(a_job(), RUNWAY), submitted(RUNWAY, submission), NOON)

        assert state_of(job, RUNWAY) is state
        assert job.cost_usd == cost_usd

    @pytest.mark.parametrize("submission", [ACCEPTED, UNKNOWN])
    def test_a_price_that_rose_since_the_job_was_created_is_booked(
        self, submission: Submission
    ) -> None:
        price = 2 * PRICE
        intent = Intended(attempt_id=RUNWAY, provider_id=RUNWAY, price_usd=price)

        job = apply(a_job(), intent, NOON)
        job = apply(job, submitted(RUNWAY, submission), NOON)

        assert (job.cost_usd, job.hold_usd) == (price, price)

    def test_an_accepted_task_is_first_polled_after_six_seconds(self) -> None:
        job = running(a_job(), RUNWAY)

        assert job.wake_at == NOON + timing.MIN_POLL_INTERVAL
        assert (job.progress, at_provider(job, RUNWAY).task_id) == (10, "task-runway")

    def test_a_slow_answer_does_not_move_the_deadline(self) -> None:
        job = started(a_job(), RUNWAY)

        after = apply(job, submitted(RUNWAY, ACCEPTED), NOON + MINUTE)

        assert at_provider(after, RUNWAY).deadline_at == NOON + timing.ATTEMPT_LIMIT


class TestLateAnswers:
    def test_a_late_id_is_kept_and_followed(self) -> None:
        at = AFTER_LEASE

        job = settle(apply(lost(), submitted(RUNWAY, ACCEPTED), at), at)
        attempt = at_provider(job, RUNWAY)

        assert (attempt.state, attempt.task_id) == (AttemptState.RUNNING, "late")
        assert (attempt.problem, attempt.ended_at) == (None, None)
        assert attempt.deadline_at == at + timing.ATTEMPT_LIMIT

    def test_a_late_id_is_kept_and_its_price_held_while_another_works(self) -> None:
        job = started(lost(), VEO, AFTER_LEASE)
        answer = Accepted(task_id="late", max_cost_usd=2 * PRICE)

        after = apply(job, submitted(RUNWAY, answer), AFTER_LEASE)

        assert at_provider(after, RUNWAY).has_late_answer
        assert after.wake_at == job.wake_at
        assert after.cost_usd == after.hold_usd == job.cost_usd + PRICE

    def test_a_late_id_is_followed_at_once_by_a_job_that_waits(self) -> None:
        job = replace(lost(), wake_at=AFTER_LEASE + MINUTE)

        after = settle(
            apply(job, submitted(RUNWAY, ACCEPTED), AFTER_LEASE), AFTER_LEASE
        )

        assert state_of(after, RUNWAY) is AttemptState.RUNNING

    def test_a_late_id_is_kept_even_after_the_job_has_ended(self) -> None:
        job = lost(stop_on_unknown=True)
        assert job.is_final

        after = apply(job, submitted(RUNWAY, ACCEPTED), AFTER_LEASE)

        assert at_provider(after, RUNWAY).task_id == "late"
        assert (after.problem, after.wake_at) == (job.problem, None)

    @pytest.mark.parametrize("end", ["storing", "failed"])
    def test_a_late_id_is_kept_although_the_file_was_found_before_it(
        self, end: str
    ) -> None:
        job = answered(a_job(chain=(VEO,)), VEO, UNKNOWN)
        job = apply(job, OutputFound(attempt_id=VEO, gs_uri="gs://b/v.mp4"), NOON)
        while state_of(job, VEO) != end:
            bad = Problem(code=ErrorCode.BAD_OUTPUT)
            job = apply(job, store_failed(at_provider(job, VEO), bad), NOON)
        price = at_provider(job, VEO).price_usd

        answer = Accepted(task_id="late", max_cost_usd=2 * price)
        after = apply(job, submitted(VEO, answer), NOON)

        assert (state_of(after, VEO), after.wake_at) == (end, job.wake_at)
        assert at_provider(after, VEO).task_id == "late"
        assert after.cost_usd == 2 * price

    @pytest.mark.parametrize("answer", [LIMITED, NotSent(problem=FAULT)])
    def test_a_late_rejection_releases_the_price(self, answer: Submission) -> None:
        job = lost()
        assert job.cost_usd == PRICE

        after = apply(job, submitted(RUNWAY, answer), AFTER_LEASE)
        assert (after.cost_usd, after.is_final) == (Decimal(0), False)

        at_work = started(job, VEO, AFTER_LEASE)
        after = apply(at_work, submitted(RUNWAY, answer), AFTER_LEASE)
        assert after.cost_usd == at_work.cost_usd - PRICE
        assert after.wake_at == at_work.wake_at


class TestPolling:
    def test_failed_polls_do_not_fail_the_job(self) -> None:
        job = running(a_job(), RUNWAY)
        for n in range(1, 21):
            at = NOON + n * timedelta(seconds=20)
            job = polled(job, PollFailed(detail="502"), at)

        assert state_of(job, RUNWAY) is AttemptState.RUNNING
        assert at_provider(job, RUNWAY).missed_polls == 20

    @pytest.mark.parametrize(
        ("elapsed_seconds", "wait_seconds"), [(0, 6), (60, 6), (100, 10), (400, 15)]
    )
    def test_polls_get_rarer(self, elapsed_seconds: int, wait_seconds: int) -> None:
        at = NOON + elapsed_seconds * SECOND

        job = polled(running(a_job(), RUNWAY), Working(), at)

        assert job.wake_at == at + wait_seconds * SECOND

    def test_the_last_poll_before_a_deadline_comes_right_after_it(self) -> None:
        deadline_at = NOON + timing.ATTEMPT_LIMIT

        job = polled(running(a_job(), RUNWAY), Working(), deadline_at - 8 * SECOND)

        assert job.wake_at == deadline_at

    @pytest.mark.parametrize(
        ("said_usd", "cost_usd"), [(None, "0.40"), ("0.25", "0.25"), ("0", "0")]
    )
    def test_a_result_costs_what_the_vendor_says_or_the_list_price(
        self, said_usd: str | None, cost_usd: str
    ) -> None:
        reported = None if said_usd is None else Decimal(said_usd)
        done = polled(running(a_job(), RUNWAY), Succeeded(cost_usd=reported))
        failed = polled(
            running(a_job(), RUNWAY), Failed(problem=FAULT, cost_usd=reported)
        )

        assert done.cost_usd == failed.cost_usd == Decimal(cost_usd)
        assert (done.progress, state_of(done, RUNWAY)) == (90, AttemptState.STORING)

    def test_the_place_where_the_vendor_wrote_is_kept(self) -> None:
        job = polled(running(a_job(), RUNWAY), Succeeded(gs_uri="gs://b/a.mp4"))

        assert at_provider(job, RUNWAY).gs_uri == "gs://b/a.mp4"

    def test_a_provider_may_be_asked_again_after_a_free_temporary_fault(self) -> None:
        fault = Failed(problem=FAULT, cost_usd=Decimal(0), ask_again=True)

        job = polled(running(a_job(chain=(VEO,)), VEO), fault, provider_id=VEO)

        job = settle(job, NOON)
        assert not job.is_final
        wait = timing.ASK_AGAIN_DELAY + timing.CLOCK_SKEW
        assert job.wake_at == NOON + wait

    @pytest.mark.parametrize(
        ("cost_usd", "ask_again"),
        [(None, True), (Decimal("0.01"), True), (Decimal(0), False)],
        ids=["charged in full", "charged in part", "free, but permanent"],
    )
    def test_after_any_other_fault_its_vendor_is_not_asked_again(
        self, cost_usd: Decimal | None, ask_again: bool
    ) -> None:
        fault = Failed(problem=FAULT, cost_usd=cost_usd, ask_again=ask_again)

        job = polled(running(a_job(chain=(RUNWAY, HTTP)), RUNWAY), fault)

        assert at_provider(job, RUNWAY).not_before is None
        job = settle(job, NOON)
        assert job.is_final
        assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]

    @pytest.mark.parametrize(
        ("model_id", "progress"),
        [("veo-3.1-generate-001", 49), ("a-removed-model", 29)],
    )
    def test_progress_is_estimated_by_the_typical_time_of_the_model(
        self, monkeypatch: pytest.MonkeyPatch, model_id: str, progress: int
    ) -> None:
        veo = replace(CATALOGUE["veo-3.1-generate-001"], typical_seconds=60)
        monkeypatch.setitem(CATALOGUE, veo.model_id, veo)
        job = running(a_job(chain=(VEO,)), VEO)
        job = job.with_attempt(replace(at_provider(job, VEO), model_id=model_id))

        at = NOON + 30 * SECOND
        assert polled(job, Working(), at, VEO).progress == progress


class TestGoneTasks:
    """The vendor answers that it has no such task, as after a deletion."""

    GONE = Gone(detail="Task not found")
    LATER = NOON + timing.GONE_LIMIT

    def test_a_task_that_is_gone_for_a_minute_fails_and_stays_paid(self) -> None:
        once = polled(running(a_job(), RUNWAY), self.GONE, NOON)
        assert (state_of(once, RUNWAY), once.wake_at) == (
            AttemptState.RUNNING,
            NOON + timing.MIN_POLL_INTERVAL,
        )
        late_answer = polled(once, self.GONE, self.LATER, polled_at=NOON + SECOND)
        assert state_of(late_answer, RUNWAY) is AttemptState.RUNNING

        job = settle(polled(once, self.GONE, self.LATER), self.LATER)

        assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]
        assert at_provider(job, RUNWAY).problem == Problem(
            code=ErrorCode.PROVIDER_ERROR, detail="Task not found"
        )
        assert (job.is_final, job.cost_usd) == (False, PRICE)

    @pytest.mark.parametrize("at", [NOON, NOON + 5 * MINUTE], ids=["new", "old"])
    def test_a_vendor_may_lose_sight_of_a_task_for_a_moment(self, at: datetime) -> None:
        """Its video is paid for."""
        job = running(a_job(), RUNWAY)
        for seconds in range(0, 60, 5):
            job = polled(job, self.GONE, at + seconds * SECOND)

        assert state_of(job, RUNWAY) == "running"
        assert state_of(polled(job, Succeeded(), at + MINUTE), RUNWAY) == "storing"

    @pytest.mark.parametrize(
        "between",
        [Working(), PollFailed(detail="502")],
        ids=["the task is there", "no answer"],
    )
    def test_another_answer_starts_the_minute_anew(self, between: Poll) -> None:
        job = running(a_job(), RUNWAY)
        answers = (self.GONE, NOON), (between, NOON + SECOND), (self.GONE, self.LATER)
        for poll, at in answers:
            job = polled(job, poll, at)

        assert state_of(job, RUNWAY) == "running"

    def test_a_task_may_be_missing_before_and_after_it_succeeded(self) -> None:
        """Its video is paid for."""
        job = polled(running(a_job(), RUNWAY), self.GONE, NOON)
        job = polled(job, Succeeded(), self.LATER)
        problem = Problem(code=ErrorCode.PROVIDER_ERROR, detail="the task is gone")

        gone = store_failed(at_provider(job, RUNWAY), problem, self.LATER)
        missed = apply(job, gone, self.LATER)

        assert state_of(missed, RUNWAY) == "storing"


class TestLateReports:
    """A worker that was paused reports an answer from long ago."""

    LATE = NOON + timing.ATTEMPT_LIMIT

    @pytest.mark.parametrize("ends", ["deadline", "cancel"])
    def test_a_task_that_worked_before_its_end_is_polled_again(self, ends: str) -> None:
        """It may have succeeded since: its video is paid for."""
        job = running(a_job(), RUNWAY)
        at = self.LATE if ends == "deadline" else NOON + 2 * SECOND
        if ends == "cancel":
            job = apply(job, CancelRequested(), NOON + SECOND)

        job = polled(job, Working(), at, polled_at=NOON)

        assert state_of(job, RUNWAY) == "running"
        assert at < (job.wake_at or at) <= at + timing.MAX_POLL_INTERVAL
        assert state_of(polled(job, Working(), at), RUNWAY) == "cancelling"

    @pytest.mark.parametrize("poll", [Gone(detail="404"), PollFailed(detail="502")])
    def test_a_poll_from_before_the_deadline_is_not_one_of_the_last(
        self, poll: Poll
    ) -> None:
        job = polled(running(a_job(), RUNWAY), poll, self.LATE, polled_at=NOON)

        attempt = at_provider(job, RUNWAY)
        assert attempt.is_open
        assert attempt.closing_polls == 0

    @pytest.mark.parametrize("poll", [Gone(detail="404"), PollFailed(detail="502")])
    def test_concurrent_polls_of_two_workers_count_as_one(self, poll: Poll) -> None:
        """One moment in which the vendor doesn't find its task must not end it."""
        job = running(a_job(), RUNWAY)
        for seconds in (1, 2):
            at = self.LATE + seconds * SECOND
            job = polled(job, poll, at, polled_at=self.LATE)

        attempt = at_provider(job, RUNWAY)
        assert attempt.is_open
        assert attempt.closing_polls == isinstance(poll, PollFailed)

    @pytest.mark.parametrize(
        ("poll", "state"),
        [(Succeeded(), "storing"), (Failed(problem=FAULT), "failed")],
    )
    def test_a_late_report_of_a_task_that_ended_meanwhile_ends_it(
        self, poll: Poll, state: str
    ) -> None:
        job = polled(running(a_job(), RUNWAY), Working(), NOON + SECOND)

        job = polled(job, poll, NOON + 2 * SECOND, polled_at=NOON)

        assert state_of(job, RUNWAY) == state

    def test_an_empty_success_is_given_up_by_a_poll_a_minute_later(self) -> None:
        empty, over = TestSuccessWithoutAVideo.EMPTY, TestSuccessWithoutAVideo.OVER
        job = polled(running(a_job(), RUNWAY), empty)

        job = polled(job, empty, over, polled_at=NOON + SECOND)

        assert state_of(job, RUNWAY) == "running"
        assert state_of(polled(job, empty, over), RUNWAY) == "failed"


class TestSuccessWithoutAVideo:
    """The vendor reports success, but shows no video and no reason."""

    EMPTY = Failed(
        problem=Problem(code=ErrorCode.BAD_OUTPUT, detail="nothing shown"),
        may_come_yet=True,
    )
    OVER = NOON + timing.LATE_RESULT_LIMIT

    def test_a_video_that_a_later_poll_shows_is_stored(self) -> None:
        job = polled(running(a_job(), RUNWAY), self.EMPTY)
        assert state_of(job, RUNWAY) == "running"

        job = polled(job, Succeeded(), self.OVER)

        assert state_of(job, RUNWAY) == "storing"
        assert job.cost_usd == PRICE

    def test_an_empty_success_is_polled_for_a_minute_and_then_fails(self) -> None:
        job, at, looks = running(a_job(), RUNWAY), NOON, list[timedelta]()
        while state_of(job, RUNWAY) == "running":
            job = polled(job, self.EMPTY, at)
            looks.append(at - NOON)
            at = job.wake_at or at

        assert 4 <= len(looks) <= 12
        assert looks[-1] >= timing.LATE_RESULT_LIMIT > looks[-2]
        assert at_provider(job, RUNWAY).problem == self.EMPTY.problem
        assert job.cost_usd == PRICE

    def test_many_polls_at_one_instant_do_not_use_up_the_minute(self) -> None:
        job = running(a_job(), RUNWAY)
        for _ in range(20):
            job = polled(job, self.EMPTY, NOON + SECOND)

        assert state_of(job, RUNWAY) == "running"

    def test_an_empty_success_is_polled_often_whatever_the_poll_plan(self) -> None:
        accepted = Submitted(
            attempt_id=RUNWAY, submission=ACCEPTED, poll_plan=(30, 90, 200)
        )
        job = apply(started(a_job(), RUNWAY), accepted, NOON)

        job = polled(job, self.EMPTY, NOON + 30 * SECOND)

        assert job.wake_at == NOON + 30 * SECOND + timing.MIN_POLL_INTERVAL

    def test_failed_polls_do_not_prolong_an_empty_success(self) -> None:
        job = polled(running(a_job(), RUNWAY), self.EMPTY)
        job = polled(job, PollFailed(detail="502"), self.OVER - SECOND)

        assert state_of(polled(job, self.EMPTY, self.OVER), RUNWAY) == "failed"

    @pytest.mark.parametrize(
        ("cancelled_at", "at"),
        [(None, NOON + timing.ATTEMPT_LIMIT), (NOON, NOON)],
        ids=["its deadline", "a cancel"],
    )
    def test_an_empty_success_is_not_polled_after(
        self, cancelled_at: datetime | None, at: datetime
    ) -> None:
        job = replace(running(a_job(), RUNWAY), cancel_requested_at=cancelled_at)

        assert state_of(polled(job, self.EMPTY, at), RUNWAY) == "failed"

    def test_a_reason_that_comes_later_ends_the_attempt_at_once(self) -> None:
        job = polled(running(a_job(), RUNWAY), self.EMPTY)

        job = polled(job, Failed(problem=FAULT), NOON + 6 * SECOND)

        assert at_provider(job, RUNWAY).problem == FAULT


class TestDeadlines:
    DEADLINE = NOON + timing.ATTEMPT_LIMIT

    def test_an_attempt_that_still_works_is_cancelled_and_stays_paid(self) -> None:
        job = polled(running(a_job(), RUNWAY), Working(), self.DEADLINE)
        assert state_of(job, RUNWAY) is AttemptState.CANCELLING

        job = apply(job, CancelSent(attempt_id=RUNWAY), self.DEADLINE)

        assert state_of(job, RUNWAY) is AttemptState.FAILED
        assert at_provider(job, RUNWAY).problem == Problem(
            code=ErrorCode.DEADLINE_EXCEEDED
        )
        assert job.cost_usd == PRICE

    def test_an_attempt_that_was_still_queued_counts_as_rate_limited(self) -> None:
        job = polled(running(a_job(), RUNWAY), Working(queued=True), self.DEADLINE)

        job = apply(job, CancelSent(attempt_id=RUNWAY), self.DEADLINE)

        assert at_provider(job, RUNWAY).problem == Problem(code=ErrorCode.RATE_LIMITED)
        assert states(settle(job, self.DEADLINE))[1] == ("runway-http", "skipped")

    def test_an_attempt_is_cancelled_after_three_unanswered_polls(self) -> None:
        job, at = running(a_job(), RUNWAY), self.DEADLINE
        for expected in ("running", "running", "cancelling"):
            job = polled(job, PollFailed(detail="502"), at)
            assert states(job) == [("runway", expected)]
            at += 10 * SECOND

    def test_a_cancel_that_keeps_failing_is_given_up(self) -> None:
        job = polled(running(a_job(), RUNWAY), Working(), self.DEADLINE)
        for expected in ("cancelling", "cancelling", "failed"):
            job = apply(job, CancelFailed(attempt_id=RUNWAY), self.DEADLINE)
            assert states(job)[0] == ("runway", expected)
            wait = timing.RETRY_SPACING if expected == "cancelling" else timedelta(0)
            assert job.wake_at == self.DEADLINE + wait

        assert job.cost_usd == PRICE

    @pytest.mark.parametrize(
        ("poll", "state"),
        [
            (Succeeded(), AttemptState.STORING),
            (Failed(problem=FAULT), AttemptState.FAILED),
            (Failed(problem=FAULT, may_come_yet=True), AttemptState.FAILED),
            (Working(), AttemptState.CANCELLING),
            (PollFailed(detail="x"), AttemptState.CANCELLING),
        ],
    )
    def test_an_answer_during_a_cancel_counts(
        self, poll: Poll, state: AttemptState
    ) -> None:
        job = polled(running(a_job(), RUNWAY), Working(), self.DEADLINE)

        assert state_of(polled(job, poll, self.DEADLINE), RUNWAY) is state

    def test_a_start_never_waits_beyond_the_jobs_deadline(self) -> None:
        at = NOON + timing.JOB_LIMIT - timing.MIN_TIME_FOR_AN_ATTEMPT
        again = Rejected(problem=FAULT, ask_again=True)

        job = answered(a_job(chain=(VEO,)), VEO, again, at)

        assert job.wake_at is not None
        assert job.wake_at <= job.deadline_at + timing.CLOCK_SKEW


class TestCancelling:
    @pytest.mark.parametrize("state", ["starting", "cancelling", "storing"])
    def test_a_job_whose_attempt_has_a_schedule_of_its_own_is_only_marked(
        self, state: str
    ) -> None:
        job = started(a_job(), RUNWAY)
        attempt = replace(job.attempts[0], state=AttemptState(state))
        job = job.with_attempt(attempt)

        marked = apply(job, CancelRequested(), NOON)

        assert marked.attempts == job.attempts
        assert (marked.wake_at, marked.is_final) == (job.wake_at, False)

    @pytest.mark.parametrize(
        ("submission", "state"),
        [(ACCEPTED, "running"), (LIMITED, "rejected"), (UNKNOWN, "unknown")],
    )
    def test_a_marked_job_ends_unless_its_start_was_accepted(
        self, submission: Submission, state: str
    ) -> None:
        marked = apply(started(a_job(), RUNWAY), CancelRequested(), NOON)

        job = settle(apply(marked, submitted(RUNWAY, submission), NOON), NOON)

        assert states(job) == [("runway", state)]
        assert job.is_final is (submission is not ACCEPTED)
        assert job.wake_at == (NOON if submission is ACCEPTED else None)

    def test_a_cancelled_job_wakes_no_earlier_than_its_next_poll(self) -> None:
        at = NOON + 2 * MINUTE
        job = polled(running(a_job(), RUNWAY), Working(), at)

        marked = settle(apply(job, CancelRequested(), at + SECOND), at + SECOND)

        assert job.wake_at and marked.wake_at and marked.wake_at < job.wake_at
        assert not isinstance(next_action(marked, marked.wake_at), Wait)


class TestOutputOfAnUnknownAttempt:
    def test_its_file_is_looked_for_until_the_attempts_deadline(self) -> None:
        job = answered(a_job(chain=(VEO,)), VEO, UNKNOWN)

        job = apply(job, OutputMissing(attempt_id=VEO, looked_at=NOON), NOON)
        assert job.wake_at == NOON + timing.LOOK_SPACING

        late = NOON + timing.ATTEMPT_LIMIT
        stale = OutputMissing(attempt_id=VEO, looked_at=late - SECOND)
        assert not settle(apply(job, stale, late), late).is_final
        missing = OutputMissing(attempt_id=VEO, looked_at=late)
        job = settle(apply(job, missing, late), late)
        assert job.problem == Problem(code=ErrorCode.ALL_PROVIDERS_FAILED)
        assert job.cost_usd == Decimal("3.20")

    @pytest.mark.parametrize("queued", [False, True])
    def test_the_file_of_an_expired_attempt_is_looked_for_once(
        self, *, queued: bool
    ) -> None:
        """Before the job ends without it: it is paid for."""
        job = running(a_job(chain=(VEO, OMNI)), VEO)
        late = NOON + timing.ATTEMPT_LIMIT
        job = polled(job, Working(queued=queued), late, VEO)
        job = apply(job, CancelSent(attempt_id=VEO), late)
        refused = Submitted(attempt_id=OMNI, submission=Rejected(problem=FAULT))
        job = apply(started(job, OMNI, late), refused, late)

        action = next_action(job, late)
        assert action == LookForOutput(attempt=at_provider(job, VEO))

        found = OutputFound(attempt_id=VEO, gs_uri="gs://b/a.mp4")
        attempt = at_provider(apply(job, found, late), VEO)
        assert (attempt.state, attempt.problem) == (AttemptState.STORING, None)
        assert attempt.ended_at is None
        missing = OutputMissing(attempt_id=VEO, looked_at=late)
        assert settle(apply(job, missing, late), late).is_final


@pytest.mark.parametrize(
    "outcome",
    [
        Prepared(image=IMAGE),
        PrepareFailed(problem=GONE),
        ImageRefused(problem=GONE),
        Polled(attempt_id=str(RUNWAY), poll=Failed(problem=FAULT), polled_at=NOON),
        CancelRequested(),
        CancelSent(attempt_id=str(RUNWAY)),
        CancelFailed(attempt_id=str(RUNWAY)),
        StoreFailed(
            attempt_id=str(RUNWAY), problem=FAULT, tried_at=NOON, store_tries=0
        ),
        stored(RUNWAY),
        GaveUp(problem=Problem(code=ErrorCode.CANCELLED)),
        Skipped(provider_id=HTTP, problem=FAULT),
        LeaseExpired(attempt_id=str(RUNWAY)),
        Revived(attempt_id=str(RUNWAY)),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
@pytest.mark.parametrize(
    "job",
    [completed(a_job(), RUNWAY), a_job().ended(ErrorCode.CANCELLED)],
    ids=["completed", "failed"],
)
def test_an_ended_job_does_not_change(job: Job, outcome: Outcome) -> None:
    assert apply(job, outcome, NOON + MINUTE) is job


def test_a_clock_that_is_behind_makes_no_state_older_than_the_one_before() -> None:
    """Clients tell a job's states apart by it, and keep the newest."""
    job = polled(running(a_job(), RUNWAY), Working(progress=0.3), NOON + MINUTE)

    after = polled(job, Succeeded(), NOON + MINUTE - SECOND)

    assert after.open_attempt != job.open_attempt
    assert after.updated_at == job.updated_at


def asked_again() -> Job:
    """A job that may ask Veo once more; its first attempt's ID is a1."""
    again = Rejected(problem=FAULT, ask_again=True)
    job = apply(a_job(chain=(VEO,)), intent("a1", VEO), NOON)
    return apply(job, Submitted(attempt_id="a1", submission=again), NOON)


def intent(attempt_id: str, provider_id: ProviderId) -> Intended:
    return Intended(attempt_id=attempt_id, provider_id=provider_id)


RUNS = running(a_job(), RUNWAY)
ENDED = lost(stop_on_unknown=True)
LATE = apply(lost(), submitted(RUNWAY, ACCEPTED), AFTER_LEASE)
AT_VEO = started(lost(), VEO, AFTER_LEASE)
OMNI_AFTER_VEO = started(answered(a_job(chain=(VEO, OMNI)), VEO, UNKNOWN), OMNI)
VEO_IS_BUSY = answered(a_job(chain=(VEO, OMNI)), VEO, LIMITED)
FOUND = OutputFound(attempt_id=str(VEO), gs_uri="gs://b/a.mp4")
PREPARE, TRANSLATE = PrepareStarted(), TranslationStarted(max_cost_usd=PRICE)
CHECK = CheckStarted(attempt_id=str(RUNWAY))
PREPARED_NOW = apply(a_new_job(), PREPARE, AFTER_LEASE)
TRANSLATED_NOW = apply(a_job(prompt="고양이"), TRANSLATE, AFTER_LEASE)
CHECKED_NOW = apply(storing(a_job(), RUNWAY), CHECK, AFTER_LEASE)
GAVE_UP = GaveUp(problem=Problem(code=ErrorCode.ALL_PROVIDERS_FAILED))
# One worker cancelled the task while another saw that it had succeeded.
SAVED_FROM_CANCEL = polled(
    polled(apply(RUNS, CancelRequested(), NOON), Working()), Succeeded()
)


def skip(provider_id: ProviderId) -> Skipped:
    return Skipped(provider_id=provider_id, problem=FAULT)


BUSY_ELSEWHERE = apply(AT_VEO, submitted(RUNWAY, ACCEPTED), AFTER_LEASE)
LOST_AT_RUNWAY = answered(a_job(), RUNWAY, UNKNOWN)
NO_FILE = OutputMissing(attempt_id=VEO, looked_at=NOON)
NO_LONGER: dict[str, tuple[Job, Outcome]] = {
    "2nd image": (a_job(), Prepared(image=replace(IMAGE, width=1))),
    "image refused, but paid": (RUNS, ImageRefused(problem=GONE)),
    "image missed, but paid": (
        replace(RUNS, prepare_tries=3),
        PrepareFailed(problem=GONE),
    ),
    "2nd worker on an image": (PREPARED_NOW, PREPARE),
    "2nd worker on a translation": (TRANSLATED_NOW, TRANSLATE),
    "skipped, but begun": (TRANSLATED_NOW, TranslationSkipped()),
    "2nd worker on a video": (CHECKED_NOW, CHECK),
    "intent at a provider that isn't next": (a_job(), intent("a", VEO)),
    "intent at it after an unknown outcome": (LOST_AT_RUNWAY, intent("again", RUNWAY)),
    "intent at its vendor after one": (LOST_AT_RUNWAY, intent("again", HTTP)),
    "intent reported twice": (asked_again(), intent("a1", VEO)),
    "skip of a provider that isn't next": (a_job(), skip(VEO)),
    "skip while an attempt is open": (RUNS, skip(HTTP)),
    "skip with no provider left": (replace(a_job(), chain=()), skip(RUNWAY)),
    "2nd Accepted": (RUNS, submitted(RUNWAY, ACCEPTED)),
    "2nd Unknown": (RUNS, submitted(RUNWAY, UNKNOWN)),
    "2nd Rejected": (RUNS, submitted(RUNWAY, LIMITED)),
    "2nd NotSent": (RUNS, submitted(RUNWAY, NotSent(problem=FAULT))),
    "answer to no attempt": (a_job(), submitted(RUNWAY, ACCEPTED)),
    "a late unknown": (lost(), submitted(RUNWAY, UNKNOWN)),
    "a 2nd late id": (LATE, submitted(RUNWAY, Accepted(task_id="other"))),
    "settled, then Rejected": (ENDED, submitted(RUNWAY, LIMITED)),
    "settled, then NotSent": (ENDED, submitted(RUNWAY, NotSent(problem=FAULT))),
    "a lease expired twice": (lost(), LeaseExpired(attempt_id=RUNWAY)),
    "gave up, but a late answer came": (LATE, GAVE_UP),
    "gave up at a start": (started(a_job(), RUNWAY), GAVE_UP),
    "gave up at storing": (storing(a_job(), RUNWAY), GAVE_UP),
    "2nd cancel": (apply(RUNS, CancelRequested(), NOON), CancelRequested()),
    "parked, but a provider was asked": (RUNS, Parked()),
    "file found while another works": (OMNI_AFTER_VEO, FOUND),
    "no file while another works": (OMNI_AFTER_VEO, NO_FILE),
    "revived without a task": (OMNI_AFTER_VEO, Revived(attempt_id=VEO)),
    "revived while another works": (BUSY_ELSEWHERE, Revived(attempt_id=RUNWAY)),
    "cancelled, but it had succeeded": (
        SAVED_FROM_CANCEL,
        CancelSent(attempt_id=RUNWAY),
    ),
    "not cancelled, but it had succeeded": (
        SAVED_FROM_CANCEL,
        CancelFailed(attempt_id=RUNWAY),
    ),
    "file of what was rejected": (VEO_IS_BUSY, FOUND),
    "revived what was rejected": (VEO_IS_BUSY, Revived(attempt_id=VEO)),
}


@pytest.mark.parametrize(("job", "outcome"), NO_LONGER.values(), ids=NO_LONGER)
def test_an_outcome_that_no_longer_applies_changes_nothing(
    job: Job, outcome: Outcome
) -> None:
    assert apply(job, outcome, AFTER_LEASE) is job
