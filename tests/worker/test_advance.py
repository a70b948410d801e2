"""One step of a job: decide, act, commit, and enqueue the next step."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.errors import (
    ABOVE_CAP,
    ALL_UNSUPPORTED,
    BadContent,
    ErrorCode,
    Problem,
    ReelayError,
    TaskGone,
    Unreachable,
)
from shared.domain.job import Job
from shared.domain.ledger import Caps, Limits
from shared.domain.naming import task_name
from shared.domain.outcomes import (
    Accepted,
    CancelRequested,
    Failed,
    Gone,
    Poll,
    PollFailed,
    Submission,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.structs import replace
from shared.domain.transitions import apply
from shared.jobs.commit import SHORT_BACKOFF
from shared.ports.providers import ImageFile
from shared.ports.store import Task, TaskQueue
from shared.worker.recent_jobs import RecentJobs
from tests.domain.examples import (
    HTTP,
    IMAGE,
    MINUTE,
    NOON,
    OMNI,
    RUNWAY,
    VEO,
    a_job,
    a_new_job,
    answered,
    completed,
    due,
    rejected,
    running,
    states,
)
from tests.fakes.interpose import after_next, before
from tests.fakes.jobs import FakeJobs, Trouble
from tests.fakes.process import Died, die
from tests.usecases.harness import Harness

UNKNOWN = Unknown(detail="read timeout")
REFUSED = rejected(ErrorCode.ACCESS_DENIED)
DOWN = Unreachable("down")
# By how much a step is too late to send, and the attempt's state afterwards.
WHEN_SENT = [(timedelta(0), "running"), (timedelta(microseconds=1), "not_sent")]
EMPTY = Failed(problem=Problem(code=ErrorCode.BAD_OUTPUT), may_come_yet=True)
PAID_EMPTY = replace(EMPTY, cost_usd=Decimal("0.50"))


def test_the_providers_request_has_what_the_job_asks_for(harness: Harness) -> None:
    asked = a_job(duration=5, seed=7, audio=False, aspect_ratio="auto")
    upright = replace(IMAGE, width=720, height=1280)
    harness.jobs.put(replace(asked, image=upright))

    (attempt,) = harness.step().attempts

    request = harness.providers[RUNWAY].requests[0]
    assert (request.prompt, request.seed) == ("a cat", 7)
    assert (request.audio, request.resolution) == (False, "720p")
    assert request.aspect_ratio == attempt.aspect_ratio == "9:16"
    assert (request.model_id, request.duration_seconds) == ("gen4_turbo", 5)
    assert request.image == ImageFile(jpeg=b"a jpeg", uri="gs://bucket/images/job1")
    assert request.output_uri == "gs://bucket/incoming/job1/id1/"


def test_every_step_enqueues_the_task_of_its_version(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    job = harness.step()

    assert job.version == 3
    assert harness.queue.tasks == [
        Task(job_id="job1", name=task_name("job1", 3), at=NOON, queue=TaskQueue.STARTS)
    ]


@pytest.mark.parametrize(
    "job", [completed(a_job(), RUNWAY), a_job().ended(ErrorCode.CANCELLED)]
)
def test_a_task_for_an_ended_job_does_nothing(harness: Harness, job: Job) -> None:
    harness.jobs.put(job)

    assert harness.step() == job
    assert harness.queue.tasks == []


def test_a_task_for_a_job_that_does_not_exist_does_nothing(harness: Harness) -> None:
    harness.advance("nobody", from_starts_queue=True)

    assert harness.queue.tasks == []


class TestStarting:
    def test_a_start_moves_from_the_steps_queue_to_its_own(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())

        harness.advance("job1", from_starts_queue=False)

        assert [task.queue for task in harness.queue.tasks] == [TaskQueue.STARTS]
        assert harness.starts == 0

    def test_the_sweep_enqueues_a_start_without_a_task(self, harness: Harness) -> None:
        harness.jobs.put(a_job())
        harness.advance("job1", from_starts_queue=False)
        assert harness.queue.take()  # purged, or tried too often

        job = harness.run()

        assert harness.providers[RUNWAY].starts == 1
        assert states(job)[0][0] == "runway"

    @pytest.mark.parametrize(
        "trouble", [Trouble.LOST_RACE, Trouble.UNREACHABLE, Trouble.NOT_APPLIED]
    )
    def test_nothing_is_sent_unless_the_intent_is_known_to_be_committed(
        self, harness: Harness, trouble: Trouble
    ) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [trouble] * (len(SHORT_BACKOFF) + 1)

        with pytest.raises(Unreachable):
            harness.step()

        assert harness.starts == 0

    def test_an_uncertain_intent_that_took_effect_is_sent(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [Trouble.APPLIED]

        assert states(harness.step()) == [("runway", "running")]
        assert harness.starts == 1

    @pytest.mark.parametrize(("late", "state"), WHEN_SENT)
    def test_nothing_is_sent_too_late_in_the_lease(
        self, harness: Harness, late: timedelta, state: str
    ) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [Trouble.APPLIED]
        slow = timing.LEASE - timing.POST_LIMIT + late
        advance = harness.advance
        paused = replace(advance.committer, pause=lambda _: harness.clock.move(slow))

        starting = replace(advance.submit_step, committer=paused)
        replace(advance, submit_step=starting)("job1", from_starts_queue=True)

        was_sent = state == "running"
        assert harness.starts == was_sent
        assert states(harness.job) == [("runway", state)]
        assert bool(harness.job.cost_usd) is was_sent

    @pytest.mark.parametrize(("late", "state"), WHEN_SENT)
    def test_nothing_is_sent_by_a_step_that_took_too_long(
        self, harness: Harness, late: timedelta, state: str
    ) -> None:
        harness.jobs.put(a_job())
        slow = timing.MAX_TIME_BEFORE_POST + late
        before(harness.bucket, "read", lambda: harness.clock.move(slow))

        assert states(harness.step()) == [("runway", state)]
        assert harness.starts == (state == "running")

    def test_nothing_is_sent_for_an_intent_now_unknown(self, harness: Harness) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [Trouble.APPLIED]
        advance = harness.advance

        def outlive(_: float) -> None:
            harness.outlive_the_lease()

        committer = replace(advance.committer, pause=outlive)
        starting = replace(advance.submit_step, committer=committer)
        replace(advance, submit_step=starting)("job1", from_starts_queue=True)

        assert harness.starts == 0
        assert states(harness.job)[0] == ("runway", "unknown")
        assert harness.job.cost_usd == harness.job.attempts[0].price_usd

    def test_two_workers_on_one_job_start_once(self, harness: Harness) -> None:
        found = harness.jobs.put(a_job())

        def start() -> None:
            harness.submit_step.start(found, found.value.chain[0])

        harness.providers[RUNWAY].during_start = start
        start()
        start()

        assert harness.starts == 1
        assert states(harness.job) == [("runway", "running")]

    def test_an_answer_is_kept_after_many_lost_races(self, harness: Harness) -> None:
        harness.jobs.put(a_job())

        def trouble() -> None:
            harness.jobs.troubles = [Trouble.LOST_RACE, Trouble.UNREACHABLE] * 6

        harness.providers[RUNWAY].during_start = trouble

        assert harness.step().attempts[0].task_id == "task1"

    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [(Accepted(task_id="task1"), "running"), (REFUSED, "rejected")],
        ids=["accepted", "rejected"],
    )
    def test_nothing_else_is_read_before_the_answer_is_committed(
        self, harness: Harness, answer: Submission, outcome: str
    ) -> None:
        harness.jobs.put(a_job())
        harness.providers[RUNWAY].submissions = [answer]

        def end_process_at_the_next_read() -> None:
            for store in (harness.circuits, harness.prices, harness.task_times):
                before(store, "read", die)

        harness.providers[RUNWAY].during_start = end_process_at_the_next_read
        with suppress(Died):
            harness.step()

        assert states(harness.job)[0] == ("runway", outcome)

    def test_a_cancel_during_the_post_loses_no_answer(self, harness: Harness) -> None:
        harness.jobs.put(a_job())

        def cancel() -> None:
            harness.committer.commit(harness.jobs.get("job1"), CancelRequested())

        harness.providers[RUNWAY].during_start = cancel

        job = harness.step()

        assert (job.attempts[0].task_id, job.is_final) == ("task1", False)
        assert job.cancel_requested_at

    @pytest.mark.parametrize(
        ("answer", "cancelled"),
        [(Accepted(task_id="task1"), ["task1"]), (REFUSED, [])],
        ids=["a task", "no task"],
    )
    def test_a_task_whose_id_arrives_after_the_jobs_end_is_cancelled(
        self, harness: Harness, answer: Submission, cancelled: list[str]
    ) -> None:
        harness.jobs.put(a_job(stop_on_unknown=True))
        harness.providers[RUNWAY].submissions = [answer]
        harness.providers[RUNWAY].during_start = harness.outlive_the_lease

        job = harness.step()

        assert job.problem == Problem(code=ErrorCode.SUBMISSION_UNKNOWN)
        assert job.cost_usd > 0
        tasks = [task.task_id for task in harness.providers[RUNWAY].cancelled]
        assert tasks == cancelled

    def test_a_task_whose_id_arrives_while_another_provider_works_is_not_cancelled(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job(chain=(RUNWAY, OMNI)))

        def outlive_and_go_on() -> None:
            harness.outlive_the_lease()
            harness.step()

        harness.providers[RUNWAY].during_start = outlive_and_go_on

        job = harness.step()

        assert states(job) == [("runway", "unknown"), ("gemini-omni-flash", "running")]
        assert job.attempts[0].has_late_answer
        assert harness.providers[RUNWAY].cancelled == []

    def test_a_task_whose_id_arrives_after_its_delivery_is_not_cancelled(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job(chain=(VEO,)))
        veo = harness.providers[VEO]

        def outlive_and_deliver() -> None:
            harness.outlive_the_lease()
            folder = veo.requests[-1].output_uri.removeprefix("gs://bucket/")
            harness.bucket.objects[f"{folder}sample_0.mp4"] = b"the paid mp4"
            harness.step()
            harness.step()

        veo.during_start = outlive_and_deliver

        assert harness.step().delivered
        assert veo.cancelled == []

    def test_nothing_is_sent_for_a_job_that_was_deleted(self, harness: Harness) -> None:
        found = harness.jobs.put(a_job())
        harness.jobs.remove("job1")

        assert harness.submit_step.start(found, found.value.chain[0]) is None
        assert harness.starts == 0

    def test_a_job_deleted_during_the_post_stays_deleted(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.providers[RUNWAY].during_start = lambda: harness.jobs.remove("job1")

        harness.advance("job1", from_starts_queue=True)

        assert not harness.jobs.all
        assert not harness.queue.tasks
        assert "images/job1" not in harness.bucket.objects

    def test_no_provider_outside_the_chain_is_asked(self, harness: Harness) -> None:
        """Whether the caller chose it or the job was planned with it."""
        harness.chain = (HTTP, OMNI)
        harness.jobs.put(a_job(model="gemini-veo-3.1", chain=(VEO, RUNWAY, HTTP)))

        harness.step()
        harness.step()
        job = harness.step()

        codes = [a.problem.code.value for a in job.attempts if a.problem]
        assert codes == ["not_configured", "not_configured"]
        assert states(job)[2] == ("runway-http", "running")
        assert harness.providers[VEO].starts == harness.providers[RUNWAY].starts == 0

    def test_a_request_that_no_provider_can_make_fails_with_that_reason(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job(chain=(VEO, OMNI), aspect_ratio="1:1"))

        job = harness.step()
        while not job.is_final:
            job = harness.step()

        assert job.problem == Problem(
            code=ErrorCode.ALL_PROVIDERS_FAILED, detail=ALL_UNSUPPORTED
        )

    @pytest.mark.parametrize("monthly_usd", [None, Decimal("1.50")])
    def test_a_price_above_the_whole_cap_is_reported_as_such(
        self, monthly_usd: Decimal | None
    ) -> None:
        """Even if the other cap has no room either, and for longer."""
        caps = Caps(daily_usd=Decimal(1), monthly_usd=monthly_usd)
        limits = Limits(user=caps)
        harness = Harness(jobs=FakeJobs(limits))
        job = a_job(chain=(RUNWAY, VEO), model="gemini-veo-3.1")
        harness.jobs.put(replace(job, hold_usd=Decimal("0.40")))

        attempt = harness.step().attempts[0]

        assert attempt.problem == Problem(
            code=ErrorCode.DAILY_LIMIT_REACHED, detail=ABOVE_CAP
        )

    @pytest.mark.parametrize("has_record", [True, False])
    def test_a_missing_image_ends_the_job(
        self, harness: Harness, has_record: bool
    ) -> None:
        job = a_job() if has_record else a_new_job()
        found = harness.jobs.put(job)
        harness.bucket.objects.clear()

        harness.submit_step.start(found, job.chain[0])

        assert harness.job.problem and harness.job.problem.code == "image_unreachable"
        assert harness.starts == 0

    def test_an_unknown_outcome_is_logged_even_if_a_skip_follows_at_once(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.providers[RUNWAY].submissions = [UNKNOWN]

        with capture_logs() as lines:
            job = harness.step()

        assert states(job) == [("runway", "unknown"), ("runway-http", "skipped")]
        unknown = [line for line in lines if line["event"] == "submission_unknown"]
        assert [line["ai_model"] for line in unknown] == ["runway"]


class TestFollowing:
    def test_plain_http_takes_over_after_three_failures(self, harness: Harness) -> None:
        harness.jobs.put(due(running(a_job(), RUNWAY)))
        harness.providers[RUNWAY].polls = [PollFailed(detail="502")]
        harness.providers[HTTP].polls = [Succeeded()]

        job = harness.run()

        assert len(harness.providers[RUNWAY].polled) == 3
        assert len(harness.providers[HTTP].polled) == 1
        assert states(job) == [("runway", "succeeded")]
        assert harness.starts == 0

    def test_polls_without_a_key_count_as_failed(self, harness: Harness) -> None:
        harness.jobs.put(due(running(a_job(), RUNWAY)))
        del harness.providers[RUNWAY]

        assert harness.step().attempts[0].missed_polls == 1

    def test_a_cancel_without_a_key_is_given_up(self, harness: Harness) -> None:
        marked = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
        harness.jobs.put(marked)
        harness.step()
        del harness.providers[RUNWAY]

        job = harness.run()

        assert states(job) == [("runway", "cancelled")]

    @pytest.mark.parametrize(
        ("files", "state"),
        [
            ({"incoming/job1/gemini-veo-3.1/sample_0.mp4": b"v"}, "succeeded"),
            ({"incoming/job1/gemini-veo-3.1/notes.txt": b"v"}, "unknown"),
            ({"incoming/job1/other/sample_0.mp4": b"v"}, "unknown"),
            ({}, "unknown"),
        ],
        ids=["its file", "no video", "another attempt's", "nothing"],
    )
    def test_the_file_of_an_unknown_attempt_is_looked_for(
        self, harness: Harness, files: dict[str, bytes], state: str
    ) -> None:
        harness.jobs.put(answered(a_job(chain=(VEO,)), VEO, UNKNOWN))
        harness.bucket.objects.update(files)

        assert states(harness.run()) == [("gemini-veo-3.1", state)]
        assert harness.starts == 0

    def test_a_video_that_appears_late_is_delivered_and_no_other_provider_is_paid(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_new_job())
        delivered = Succeeded(cost_usd=Decimal(1))
        harness.providers[RUNWAY].polls = [Working(), EMPTY, EMPTY, delivered]

        with capture_logs() as lines:
            job = harness.run()

        assert states(job) == [("runway", "succeeded")]
        assert [line["event"] for line in lines].count("price_differs") == 1
        assert harness.starts == 1
        empty = [line for line in lines if line["event"] == "empty_success_received"]
        assert [line["ai_model"] for line in empty] == ["runway"] * 2

    @pytest.mark.parametrize(
        ("writes", "poll", "state", "cost_usd"),
        [
            (True, PAID_EMPTY, "succeeded", "0.50"),
            (True, Gone(detail="HTTP 404"), "succeeded", "3.20"),
            (False, PAID_EMPTY, "failed", "0.50"),
            (True, replace(PAID_EMPTY, may_come_yet=False), "failed", "0.50"),
        ],
        ids=["written", "of a gone task", "not into the bucket", "of a failure"],
    )
    def test_a_file_that_its_vendor_wrote_but_does_not_report_is_delivered(
        self, harness: Harness, writes: bool, poll: Poll, state: str, cost_usd: str
    ) -> None:
        job = running(a_job(chain=(VEO,)), VEO)
        attempt = replace(job.attempts[0], writes_into_bucket=writes)
        harness.jobs.put(job.with_attempt(attempt))
        harness.providers[VEO].polls = [poll]
        harness.providers[VEO].result = BadContent("it shows no video")
        harness.bucket.objects["incoming/job1/gemini-veo-3.1/s.mp4"] = b"v"

        job = harness.run()

        assert states(job) == [("gemini-veo-3.1", state)]
        assert job.cost_usd == Decimal(cost_usd)

    def test_an_empty_success_logs_its_price_once(self, harness: Harness) -> None:
        harness.jobs.put(running(a_job(chain=(RUNWAY,)), RUNWAY))
        harness.providers[RUNWAY].polls = [replace(EMPTY, cost_usd=Decimal(1))]

        with capture_logs() as lines:
            job = harness.run()

        assert states(job) == [("runway", "failed")]
        assert job.cost_usd == 1
        assert [line["event"] for line in lines].count("price_differs") == 1

    def test_a_task_that_succeeds_while_the_worker_is_paused_is_not_cancelled(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(running(a_job(), RUNWAY))
        runway = harness.providers[RUNWAY]
        runway.polls = [Working(), Succeeded()]
        after_next(runway, "poll", lambda: harness.clock.move(timing.ATTEMPT_LIMIT))

        job = harness.run()

        assert runway.cancelled == []
        assert states(job) == [("runway", "succeeded")]

    def test_a_file_that_comes_while_the_worker_is_paused_is_not_written_off(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(answered(a_job(chain=(VEO,)), VEO, UNKNOWN))

        def freeze() -> None:
            harness.bucket.objects["incoming/job1/gemini-veo-3.1/s.mp4"] = b"v"
            harness.clock.move(timing.ATTEMPT_LIMIT)

        after_next(harness.bucket, "list", freeze)
        harness.step()

        assert states(harness.run()) == [("gemini-veo-3.1", "succeeded")]


class TestFallingBack:
    @pytest.mark.parametrize(
        ("result", "minutes"),
        [(TaskGone("404"), 3), (Unreachable("404"), 27)],
        ids=["its vendor says it is gone", "no answer"],
    )
    def test_a_result_deleted_before_it_is_fetched_moves_on(
        self, harness: Harness, result: ReelayError, minutes: int
    ) -> None:
        harness.jobs.put(a_new_job(chain=(RUNWAY, VEO)))
        harness.providers[RUNWAY].polls = [Succeeded()]
        harness.providers[RUNWAY].result = result
        harness.providers[VEO].polls = [Succeeded()]

        job = harness.run()

        assert states(job) == [("runway", "failed"), ("gemini-veo-3.1", "succeeded")]
        assert job.updated_at - job.created_at < minutes * MINUTE


class CrashPoint:
    """Kills the process at the nth effect of the run, once; passes other calls on.

    `is_before`: right before the effect is carried out, else right after.
    """

    def __init__(self, *, nth: int, is_before: bool) -> None:
        self.left, self.is_before = nth, is_before

    def wrap(self, target: object, verb: str) -> None:
        carry_out = getattr(target, verb)

        def effect(*args: object, **kwargs: object) -> object:
            self.left -= 1
            if self.left == 0 and self.is_before:
                die()
            result = carry_out(*args, **kwargs)
            if self.left == 0:
                die()
            return result

        setattr(target, verb, effect)


def a_crashing_harness(crash: CrashPoint) -> Harness:
    harness = Harness()
    harness.jobs.put(a_new_job())
    for provider in harness.providers.values():
        provider.polls = [Working(), EMPTY, Succeeded()]
        for verb in ("start", "poll", "fetch"):
            crash.wrap(provider, verb)
    for target, verbs in (
        (harness.jobs, ("commit", "read")),
        (harness.queue, ("enqueue",)),
        (harness.bucket, ("write", "copy_new", "read", "find", "sign_download")),
    ):
        for verb in verbs:
            crash.wrap(target, verb)
    return harness


# From the first task to the commit that completes the job.
EFFECTS = 30


@pytest.mark.parametrize("nth", range(1, EFFECTS + 1))
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_a_crash_between_any_two_effects_loses_nothing(
    nth: int, is_before: bool
) -> None:
    crash = CrashPoint(nth=nth, is_before=is_before)
    harness = a_crashing_harness(crash)

    with pytest.raises(Died):
        harness.run()
    harness.recent = RecentJobs()  # another process goes on
    job = harness.run()

    assert job.delivered is not None
    assert all(provider.starts <= 1 for provider in harness.providers.values())
    paid = {a.provider_id for a in job.attempts if a.cost_usd}
    asked = {
        provider_id
        for provider_id, provider in harness.providers.items()
        if provider.starts
    }
    assert asked <= paid
    assert harness.providers[HTTP].starts == 0


def test_those_are_all_effects_of_a_job() -> None:
    crash = CrashPoint(nth=EFFECTS + 1, is_before=True)

    assert a_crashing_harness(crash).run().delivered
    assert crash.left == 1


def test_failing_to_enqueue_the_next_step_is_an_error(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.queue.failures = [DOWN]

    with pytest.raises(Unreachable):
        harness.step()

    assert harness.job.image
    assert harness.step().attempts


@pytest.mark.parametrize("writes_later", [True, False])
@pytest.mark.parametrize("writes", [True, False])
def test_a_file_is_looked_for_only_if_the_provider_wrote_files_at_the_start(
    harness: Harness, writes: bool, writes_later: bool
) -> None:
    """A first GEMINI_API_KEY, or none any more, moves Omni's starts elsewhere."""
    harness.jobs.put(due(a_job(chain=(OMNI,))))
    omni = harness.providers[OMNI]
    omni.submissions, omni.writes_into_bucket = [UNKNOWN], writes
    harness.step()
    omni.writes_into_bucket = writes_later

    ended = harness.run()

    assert ended.problem and ended.problem.code is ErrorCode.ALL_PROVIDERS_FAILED
    assert (ended.updated_at >= ended.attempts[0].deadline_at) is writes


def test_a_task_is_polled_fetched_and_cancelled_on_the_platform_that_has_it(
    harness: Harness,
) -> None:
    omni, task = harness.providers[OMNI], Accepted(task_id="t", platform="gemini-api")
    omni.submissions, omni.polls = [task], [Succeeded()]
    harness.jobs.put(due(a_job(chain=(OMNI,))))
    harness.run()
    cancelled = replace(running(a_job(), RUNWAY), cancel_requested_at=NOON)
    attempt = replace(cancelled.attempts[0], platform="gemini-api")
    harness.jobs.put(due(cancelled.with_attempt(attempt)))
    harness.run()

    asked = [*omni.polled, *omni.fetched, *harness.providers[RUNWAY].cancelled]
    assert [task.platform for task in asked] == ["gemini-api"] * 3
