"""What each outcome makes of a job."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.next_action import Ask, Start, Wait, next_action
from shared.domain.outcomes import (
    Accepted,
    CancelMissed,
    CancelRequested,
    CancelSent,
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
    Poll,
    Polled,
    PollFailed,
    Prepared,
    PrepareMissed,
    Rejected,
    Revived,
    Skipped,
    StoreMissed,
    Submission,
    Submitted,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    CHAIN,
    DELIVERED,
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
    running,
    started,
    state_of,
    states,
    stored,
    storing,
)

ACCEPTED = Accepted(task_id="late")
UNKNOWN = Unknown(detail="read timeout")
LIMITED = Rejected(problem=Problem(code=ErrorCode.RATE_LIMITED))
GONE = Problem(code=ErrorCode.IMAGE_UNREACHABLE)
AFTER_LEASE = NOON + timing.LEASE + SECOND
PRICE = Decimal("0.40")


def submitted(provider_id: ProviderId, submission: Submission) -> Submitted:
    return Submitted(attempt_id=str(provider_id), submission=submission)


def polled(
    job: Job, poll: Poll, at: datetime = NOON, provider_id: ProviderId = RUNWAY
) -> Job:
    return apply(job, Polled(attempt_id=str(provider_id), poll=poll), at)


def lost() -> Job:
    """Runway never answered; Veo is next."""
    return settle(started(a_job(), RUNWAY), AFTER_LEASE)


class TestPreparing:
    def test_a_checked_image_is_kept_and_the_job_is_due(self) -> None:
        job = apply(a_new_job(), Prepared(image=IMAGE), NOON + SECOND)

        assert job.image == IMAGE
        assert job.wake_at == job.updated_at == NOON + SECOND

    def test_a_second_image_changes_nothing(self) -> None:
        job = a_job()
        other = replace(IMAGE, width=1)

        assert apply(job, Prepared(image=other), NOON) is job

    def test_a_refused_image_ends_the_job(self) -> None:
        bad = Problem(code=ErrorCode.IMAGE_INVALID, detail="a PDF")

        job = settle(apply(a_new_job(), ImageRefused(problem=bad), NOON), NOON)

        assert (job.problem, job.wake_at) == (bad, None)

    def test_an_image_that_cannot_be_fetched_ends_the_job_at_the_fourth_try(
        self,
    ) -> None:
        job, waits = a_new_job(), []
        for _ in range(3):
            job = apply(job, PrepareMissed(problem=GONE), NOON)
            assert job.wake_at is not None
            waits.append((job.wake_at - NOON).total_seconds())

        assert waits == [5, 10, 20]
        job = settle(apply(job, PrepareMissed(problem=GONE), NOON), NOON)
        assert job.problem == GONE

    @pytest.mark.parametrize(
        "outcome", [ImageRefused(problem=GONE), PrepareMissed(problem=GONE)]
    )
    def test_a_late_word_about_the_image_leaves_a_paid_attempt_alone(
        self, outcome: Outcome
    ) -> None:
        job = replace(started(a_job(), RUNWAY), prepare_tries=3)

        assert apply(job, outcome, NOON) is job


class TestIntent:
    def test_an_intent_holds_its_price(self) -> None:
        attempt = at_provider(started(a_job(), RUNWAY), RUNWAY)

        assert (attempt.state, attempt.cost_usd) == (AttemptState.STARTING, PRICE)
        assert attempt.deadline_at == NOON + timing.ATTEMPT_LIMIT

    def test_an_attempt_ends_with_its_job_at_the_latest(self) -> None:
        at = NOON + timing.JOB_LIMIT - 3 * MINUTE
        job = started(a_job(), RUNWAY, at)

        assert at_provider(job, RUNWAY).deadline_at == job.deadline_at

    @pytest.mark.parametrize(
        "job",
        [
            a_new_job(),
            started(a_job(), RUNWAY),
            running(a_job(), RUNWAY),
            replace(a_job(), cancel_requested_at=NOON),
            replace(a_job(), deadline_at=NOON),
            replace(a_job(), wake_at=NOON + MINUTE),
            completed(a_job(), RUNWAY),
        ],
        ids=[
            "no image",
            "starting",
            "running",
            "cancelled",
            "too late",
            "not due",
            "completed",
        ],
    )
    @pytest.mark.parametrize("provider_id", CHAIN)
    def test_an_intent_that_is_not_wanted_any_more_is_dropped(
        self, job: Job, provider_id: ProviderId
    ) -> None:
        assert (
            apply(job, Intended(attempt_id="rival", provider_id=provider_id), NOON)
            is job
        )

    def test_only_the_provider_that_is_next_may_be_started(self) -> None:
        assert (
            apply(a_job(), Intended(attempt_id="a", provider_id=VEO), NOON) == a_job()
        )

    def test_after_an_unknown_submission_no_intent_at_that_vendor_holds(self) -> None:
        job = answered(a_job(), RUNWAY, UNKNOWN)

        for provider_id in (RUNWAY, HTTP):
            assert (
                apply(job, Intended(attempt_id="again", provider_id=provider_id), NOON)
                is job
            )


class TestSkipping:
    def test_a_skipped_provider_costs_nothing_and_the_next_is_due(self) -> None:
        not_there = Problem(code=ErrorCode.NOT_CONFIGURED)

        job = apply(a_job(), Skipped(provider_id=RUNWAY, problem=not_there), NOON)

        assert states(job) == [("runway", "skipped")]
        assert job.cost_usd == 0
        assert job.attempts[0].problem == not_there
        assert job.wake_at == NOON

    @pytest.mark.parametrize(
        ("job", "provider_id"),
        [
            (a_job(), VEO),
            (running(a_job(), RUNWAY), HTTP),
            (replace(a_job(), chain=()), RUNWAY),
        ],
        ids=["not next", "an attempt is open", "nobody is left"],
    )
    def test_a_provider_that_is_not_next_is_not_skipped(
        self, job: Job, provider_id: ProviderId
    ) -> None:
        assert apply(job, Skipped(provider_id=provider_id, problem=FAULT), NOON) is job


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

    def test_an_accepted_task_is_first_asked_about_after_six_seconds(self) -> None:
        job = running(a_job(), RUNWAY)

        assert job.wake_at == NOON + timing.SHORTEST_POLL
        assert (job.progress, at_provider(job, RUNWAY).task_id) == (10, "task-runway")

    @pytest.mark.parametrize("answer", [ACCEPTED, UNKNOWN, LIMITED])
    def test_a_second_answer_changes_nothing(self, answer: Submission) -> None:
        job = running(a_job(), RUNWAY)

        assert apply(job, submitted(RUNWAY, answer), NOON) is job

    def test_an_answer_about_an_attempt_that_is_not_there_changes_nothing(self) -> None:
        assert apply(a_job(), submitted(RUNWAY, ACCEPTED), NOON) == a_job()

    def test_a_lease_that_ran_out_twice_changes_nothing_more(self) -> None:
        job = lost()

        assert apply(job, LeaseExpired(attempt_id=str(RUNWAY)), NOON) is job


class TestLateAnswers:
    def test_a_late_id_is_kept_and_followed(self) -> None:
        at = AFTER_LEASE

        job = settle(apply(lost(), submitted(RUNWAY, ACCEPTED), at), at)
        attempt = at_provider(job, RUNWAY)

        assert (attempt.state, attempt.task_id) == (AttemptState.RUNNING, "late")
        assert (attempt.problem, attempt.ended_at) == (None, None)
        assert attempt.deadline_at == at + timing.ATTEMPT_LIMIT

    def test_a_late_id_is_kept_while_another_provider_works(self) -> None:
        job = started(lost(), VEO, AFTER_LEASE)

        told = apply(job, submitted(RUNWAY, ACCEPTED), AFTER_LEASE)

        assert at_provider(told, RUNWAY).has_late_answer
        assert told.wake_at == job.wake_at
        assert apply(told, Revived(attempt_id=str(RUNWAY)), AFTER_LEASE) is told

    def test_a_late_id_is_kept_even_after_the_job_has_ended(self) -> None:
        job = settle(started(a_job(stop_on_unknown=True), RUNWAY), AFTER_LEASE)
        assert job.is_final

        told = apply(job, submitted(RUNWAY, ACCEPTED), AFTER_LEASE)

        assert at_provider(told, RUNWAY).task_id == "late"
        assert (told.problem, told.wake_at) == (job.problem, None)

    @pytest.mark.parametrize("answer", [LIMITED, NotSent(problem=FAULT)])
    def test_a_late_no_releases_the_price(self, answer: Submission) -> None:
        job = lost()
        assert job.cost_usd == PRICE

        told = apply(job, submitted(RUNWAY, answer), AFTER_LEASE)

        assert (told.cost_usd, told.is_final) == (Decimal(0), False)

    @pytest.mark.parametrize("answer", [LIMITED, NotSent(problem=FAULT)])
    def test_after_the_end_the_money_is_settled_for_good(
        self, answer: Submission
    ) -> None:
        job = settle(started(a_job(stop_on_unknown=True), RUNWAY), AFTER_LEASE)
        assert (job.is_final, job.cost_usd) == (True, PRICE)

        assert apply(job, submitted(RUNWAY, answer), AFTER_LEASE) is job

    def test_a_late_unknown_says_nothing_new(self) -> None:
        job = lost()

        assert apply(job, submitted(RUNWAY, UNKNOWN), AFTER_LEASE) is job

    def test_a_second_late_id_does_not_replace_the_first(self) -> None:
        job = apply(
            started(lost(), VEO, AFTER_LEASE), submitted(RUNWAY, ACCEPTED), AFTER_LEASE
        )
        other = submitted(RUNWAY, Accepted(task_id="other"))

        assert apply(job, other, AFTER_LEASE) is job

    def test_a_late_refusal_ends_the_job_once_nobody_is_at_it(self) -> None:
        refused = Rejected(problem=Problem(code=ErrorCode.PROMPT_REFUSED))

        at = AFTER_LEASE

        job = settle(apply(lost(), submitted(RUNWAY, refused), at), at)

        assert job.problem == Problem(code=ErrorCode.PROMPT_REFUSED)


class TestPolling:
    def test_a_missed_poll_is_not_a_failed_job(self) -> None:
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
        said = None if said_usd is None else Decimal(said_usd)
        done = polled(running(a_job(), RUNWAY), Succeeded(cost_usd=said))
        failed = polled(running(a_job(), RUNWAY), Failed(problem=FAULT, cost_usd=said))

        assert done.cost_usd == failed.cost_usd == Decimal(cost_usd)
        assert (done.progress, state_of(done, RUNWAY)) == (90, AttemptState.STORING)

    def test_where_the_vendor_wrote_is_kept(self) -> None:
        job = polled(running(a_job(), RUNWAY), Succeeded(gs_uri="gs://b/a.mp4"))

        assert at_provider(job, RUNWAY).gs_uri == "gs://b/a.mp4"

    def test_a_refused_input_is_never_offered_to_another_vendor(self) -> None:
        refused = Problem(code=ErrorCode.PROMPT_REFUSED)

        job = settle(polled(running(a_job(), RUNWAY), Failed(problem=refused)), NOON)

        assert (job.problem, len(job.attempts)) == (refused, 1)
        assert job.cost_usd == PRICE

    def test_a_free_passing_fault_of_a_task_may_be_asked_again(self) -> None:
        fault = Failed(problem=FAULT, cost_usd=Decimal(0), ask_again=True)

        job = polled(running(a_job(chain=(VEO,)), VEO), fault, provider_id=VEO)

        job = settle(job, NOON)
        assert not job.is_final
        wait = timing.ASK_AGAIN_DELAY + timing.CLOCK_SKEW
        assert job.wake_at == NOON + wait


class TestGoneTasks:
    """The vendor says that it has no such task, as after a deletion."""

    GONE = Gone(detail="Task not found")
    LATER = NOON + timing.TASK_IS_NEW

    def test_a_task_that_is_gone_twice_in_a_row_is_over_and_stays_paid(self) -> None:
        once = polled(running(a_job(), RUNWAY), self.GONE, self.LATER)
        assert (state_of(once, RUNWAY), once.wake_at) == (
            AttemptState.RUNNING,
            self.LATER + timing.SHORTEST_POLL,
        )

        job = settle(polled(once, self.GONE, self.LATER), self.LATER)

        assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]
        assert at_provider(job, RUNWAY).problem == Problem(
            code=ErrorCode.PROVIDER_ERROR, detail="Task not found"
        )
        assert (job.is_final, job.cost_usd) == (False, PRICE)

    def test_a_new_task_may_not_be_found_yet(self) -> None:
        job = running(a_job(), RUNWAY)
        for _ in range(3):
            job = polled(job, self.GONE, self.LATER - SECOND)
        job = polled(job, self.GONE, self.LATER)

        assert state_of(job, RUNWAY) == "running"

    @pytest.mark.parametrize(
        "between",
        [Working(), PollFailed(detail="502")],
        ids=["the task is there", "no word"],
    )
    def test_twice_with_another_answer_between_is_not_in_a_row(
        self, between: Poll
    ) -> None:
        job = running(a_job(), RUNWAY)
        for poll in (self.GONE, between, self.GONE):
            job = polled(job, poll, self.LATER)

        assert state_of(job, RUNWAY) == "running"

    def test_a_result_that_comes_after_all_is_stored(self) -> None:
        job = polled(running(a_job(), RUNWAY), self.GONE)

        assert state_of(polled(job, Succeeded()), RUNWAY) == "storing"

    def test_a_cancelled_job_whose_task_is_gone_ends_cancelled(self) -> None:
        job = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
        for _ in range(2):
            job = settle(polled(job, self.GONE, self.LATER), self.LATER)

        assert job.problem == Problem(code=ErrorCode.CANCELLED)
        assert job.cost_usd == PRICE


class TestDeadlines:
    DEADLINE = NOON + timing.ATTEMPT_LIMIT

    def test_at_its_deadline_an_attempt_is_polled_once_more(self) -> None:
        job = replace(running(a_job(), RUNWAY), wake_at=self.DEADLINE)

        assert isinstance(next_action(job, self.DEADLINE), Ask)

    def test_a_task_that_succeeded_at_its_deadline_is_stored(self) -> None:
        job = polled(running(a_job(), RUNWAY), Succeeded(), self.DEADLINE + MINUTE)

        assert state_of(job, RUNWAY) is AttemptState.STORING

    def test_one_that_still_works_is_cancelled_and_keeps_its_price(self) -> None:
        job = polled(running(a_job(), RUNWAY), Working(), self.DEADLINE)
        assert state_of(job, RUNWAY) is AttemptState.CANCELLING

        job = apply(job, CancelSent(attempt_id=RUNWAY), self.DEADLINE)

        assert state_of(job, RUNWAY) is AttemptState.FAILED
        assert at_provider(job, RUNWAY).problem == Problem(
            code=ErrorCode.DEADLINE_EXCEEDED
        )
        assert job.cost_usd == PRICE

    def test_one_that_was_still_queued_is_rate_limited(self) -> None:
        job = polled(running(a_job(), RUNWAY), Working(queued=True), self.DEADLINE)

        job = apply(job, CancelSent(attempt_id=RUNWAY), self.DEADLINE)

        assert at_provider(job, RUNWAY).problem == Problem(code=ErrorCode.RATE_LIMITED)
        assert states(settle(job, self.DEADLINE))[1] == ("runway-http", "skipped")

    def test_a_vendor_that_keeps_silent_is_cancelled_after_three_polls(self) -> None:
        job, at = running(a_job(), RUNWAY), self.DEADLINE
        for expected in ("running", "running", "cancelling"):
            job = polled(job, PollFailed(detail="502"), at)
            assert states(job) == [("runway", expected)]
            at += 10 * SECOND

    def test_a_cancel_that_never_gets_through_is_given_up(self) -> None:
        job = polled(running(a_job(), RUNWAY), Working(), self.DEADLINE)
        for expected in ("cancelling", "cancelling", "failed"):
            job = apply(job, CancelMissed(attempt_id=RUNWAY), self.DEADLINE)
            assert states(job)[0] == ("runway", expected)

        assert job.cost_usd == PRICE

    @pytest.mark.parametrize(
        ("poll", "state"),
        [
            (Succeeded(), AttemptState.STORING),
            (Failed(problem=FAULT), AttemptState.FAILED),
            (Working(), AttemptState.CANCELLING),
            (PollFailed(detail="x"), AttemptState.CANCELLING),
        ],
    )
    def test_a_last_word_that_comes_during_the_cancel_counts(
        self, poll: Poll, state: AttemptState
    ) -> None:
        job = polled(running(a_job(), RUNWAY), Working(), self.DEADLINE)

        assert state_of(polled(job, poll, self.DEADLINE), RUNWAY) is state

    def test_an_open_attempt_is_never_ended_by_giving_up(self) -> None:
        for job in (started(a_job(), RUNWAY), storing(a_job(), RUNWAY)):
            gave_up = GaveUp(problem=Problem(code=ErrorCode.CANCELLED))
            assert apply(job, gave_up, NOON) is job

    def test_a_start_that_has_to_wait_wakes_the_job_right_after(self) -> None:
        job = answered(a_job(), RUNWAY, LIMITED)

        earliest = NOON + timing.SAME_VENDOR_DELAY
        assert job.wake_at == earliest + timing.CLOCK_SKEW

    def test_a_start_never_waits_beyond_the_jobs_deadline(self) -> None:
        at = NOON + timing.JOB_LIMIT - timing.LEAST_TIME_FOR_AN_ATTEMPT
        again = Rejected(problem=FAULT, ask_again=True)

        job = answered(a_job(chain=(VEO,)), VEO, again, at)

        assert job.wake_at is not None
        assert job.wake_at <= job.deadline_at + timing.CLOCK_SKEW


class TestCancelling:
    def test_a_starting_job_is_only_marked(self) -> None:
        job = started(a_job(), RUNWAY)

        marked = apply(job, CancelRequested(), NOON)

        assert marked.attempts == job.attempts
        assert (marked.wake_at, marked.is_final) == (job.wake_at, False)

    @pytest.mark.parametrize(
        ("submission", "state"),
        [(ACCEPTED, "running"), (LIMITED, "rejected"), (UNKNOWN, "unknown")],
    )
    def test_a_marked_start_goes_by_its_answer(
        self, submission: Submission, state: str
    ) -> None:
        marked = apply(started(a_job(), RUNWAY), CancelRequested(), NOON)

        job = settle(apply(marked, submitted(RUNWAY, submission), NOON), NOON)

        assert states(job) == [("runway", state)]
        assert job.is_final is (submission is not ACCEPTED)
        assert job.wake_at == (NOON if submission is ACCEPTED else None)

    def test_a_running_job_is_polled_once_and_then_cancelled(self) -> None:
        job = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
        assert isinstance(next_action(job, NOON), Ask)

        job = polled(job, Working())
        assert state_of(job, RUNWAY) is AttemptState.CANCELLING

        job = settle(apply(job, CancelSent(attempt_id=RUNWAY), NOON), NOON)
        assert states(job) == [("runway", "cancelled")]
        assert job.problem == Problem(code=ErrorCode.CANCELLED)
        assert job.cost_usd == PRICE

    def test_its_wake_never_comes_before_a_poll_is_allowed(self) -> None:
        job = polled(running(a_job(), RUNWAY), Working())

        marked = apply(job, CancelRequested(), NOON + SECOND)
        marked = settle(marked, NOON + SECOND)

        assert marked.wake_at is not None
        assert not isinstance(next_action(marked, marked.wake_at), Wait)

    def test_a_video_that_was_there_already_is_delivered(self) -> None:
        job = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)

        job = apply(polled(job, Succeeded()), stored(RUNWAY), NOON)

        assert (job.delivered, job.problem) == (DELIVERED, None)

    def test_a_storing_job_completes(self) -> None:
        job = apply(storing(a_job(), RUNWAY), CancelRequested(), NOON)

        assert apply(job, stored(RUNWAY), NOON).delivered == DELIVERED

    def test_a_second_cancel_changes_nothing(self) -> None:
        job = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)

        assert apply(job, CancelRequested(), NOON + MINUTE) is job


class TestStoring:
    BAD = Problem(code=ErrorCode.BAD_OUTPUT)
    DOWN = Problem(code=ErrorCode.STORAGE_FAILED)

    def missed(self, job: Job, problem: Problem, at: datetime = NOON) -> Job:
        return apply(job, StoreMissed(attempt_id=RUNWAY, problem=problem), at)

    def test_what_was_stored_completes_the_job(self) -> None:
        job = completed(a_job(), RUNWAY)

        assert (job.delivered, job.progress, job.wake_at) == (DELIVERED, 100, None)
        assert state_of(job, RUNWAY) is AttemptState.SUCCEEDED
        assert job.video_url == "https://storage.example/video"

    def test_storing_is_tried_again_with_longer_and_longer_pauses(self) -> None:
        job, waits = storing(a_job(), RUNWAY), []
        for _ in range(8):
            job = self.missed(job, self.DOWN)
            assert job.wake_at is not None
            waits.append(int((job.wake_at - NOON).total_seconds()))

        assert waits == [5, 10, 20, 40, 80, 160, 300, 300]

    def test_five_bad_outputs_hand_over_to_the_next_provider(self) -> None:
        job = storing(a_job(), RUNWAY)
        for _ in range(4):
            job = self.missed(job, self.BAD)
            assert state_of(job, RUNWAY) is AttemptState.STORING

        job = settle(self.missed(job, self.BAD), NOON)

        assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]
        assert (job.is_final, job.cost_usd) == (False, PRICE)

    def test_a_task_that_is_gone_twice_in_a_row_hands_over(self) -> None:
        gone = Problem(code=ErrorCode.PROVIDER_ERROR, detail="the task is gone")
        job = self.missed(storing(a_job(), RUNWAY), gone)
        in_between = self.missed(job, self.DOWN)

        assert state_of(self.missed(in_between, gone), RUNWAY) == "storing"
        job = settle(self.missed(job, gone), NOON)

        assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]
        assert job.cost_usd == PRICE

    def test_a_bad_file_after_a_long_outage_is_fetched_again(self) -> None:
        job = storing(a_job(), RUNWAY)
        late = NOON + timing.FETCH_LIMIT

        assert state_of(self.missed(job, self.BAD, late), RUNWAY) == "storing"

    def test_storage_that_stays_down_for_two_hours_ends_the_job(self) -> None:
        job = storing(a_job(), RUNWAY)
        end = NOON + timing.STORE_LIMIT

        assert not settle(self.missed(job, self.DOWN, end - SECOND), end).is_final
        ended = settle(self.missed(job, self.DOWN, end), end)
        assert ended.problem == Problem(code=ErrorCode.STORAGE_FAILED)

    def test_a_vendor_that_does_not_hand_out_its_file_is_handed_over(self) -> None:
        """No fault of our storage, and in time for another provider."""
        job = storing(a_job(), RUNWAY)
        end = NOON + timing.FETCH_LIMIT
        gone = Problem(code=ErrorCode.PROVIDER_UNAVAILABLE)

        assert state_of(self.missed(job, gone, end - SECOND), RUNWAY) == "storing"
        after = settle(self.missed(job, gone, end), end)

        assert states(after) == [("runway", "failed"), ("runway-http", "skipped")]
        assert isinstance(next_action(after, end), Start)
        assert after.cost_usd == PRICE

    def test_the_jobs_deadline_does_not_end_storing(self) -> None:
        job = storing(a_job(), RUNWAY)
        late = job.deadline_at + MINUTE

        assert apply(job, stored(RUNWAY), late).delivered == DELIVERED


class TestOutputOfAnUnknownAttempt:
    def test_a_file_that_was_found_is_stored(self) -> None:
        job = answered(a_job(chain=(VEO,)), VEO, UNKNOWN)

        job = apply(job, OutputFound(attempt_id=VEO, gs_uri="gs://b/a.mp4"), NOON)

        assert state_of(job, VEO) is AttemptState.STORING
        assert at_provider(job, VEO).gs_uri == "gs://b/a.mp4"

    def test_it_is_looked_for_until_the_attempts_deadline(self) -> None:
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

    @pytest.mark.parametrize(
        "outcome",
        [
            OutputFound(attempt_id=str(VEO), gs_uri="gs://b/a.mp4"),
            OutputMissing(attempt_id=str(VEO), looked_at=NOON),
            Revived(attempt_id=str(VEO)),
        ],
    )
    def test_while_another_provider_works_it_waits(self, outcome: Outcome) -> None:
        lost_veo = answered(a_job(chain=(VEO, OMNI)), VEO, UNKNOWN)
        job = started(lost_veo, OMNI)

        assert apply(job, outcome, NOON) is job

    def test_what_is_not_unknown_is_not_looked_for(self) -> None:
        job = answered(a_job(chain=(VEO, OMNI)), VEO, LIMITED)
        found = OutputFound(attempt_id=VEO, gs_uri="gs://b/a.mp4")

        assert apply(job, found, NOON) is job
        assert apply(job, Revived(attempt_id=VEO), NOON) is job


@pytest.mark.parametrize(
    "outcome",
    [
        Prepared(image=IMAGE),
        PrepareMissed(problem=GONE),
        ImageRefused(problem=GONE),
        Polled(attempt_id=str(RUNWAY), poll=Failed(problem=FAULT)),
        CancelRequested(),
        CancelSent(attempt_id=str(RUNWAY)),
        CancelMissed(attempt_id=str(RUNWAY)),
        StoreMissed(attempt_id=str(RUNWAY), problem=FAULT),
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
def test_an_ended_job_stays_as_it_ended(job: Job, outcome: Outcome) -> None:
    assert apply(job, outcome, NOON + MINUTE) is job


def test_an_intent_told_twice_is_one_attempt() -> None:
    intent = Intended(attempt_id="a1", provider_id=VEO)
    again = Rejected(problem=FAULT, ask_again=True)
    job = apply(a_job(chain=(VEO,)), intent, NOON)
    job = apply(job, Submitted(attempt_id="a1", submission=again), NOON)

    assert apply(job, intent, NOON + timedelta(minutes=2)) is job
