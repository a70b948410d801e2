"""One step of a job: looked at, acted on, recorded, woken for the next."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.errors import (
    ABOVE_CAP,
    ALL_UNSUPPORTED,
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
    CancelRequested,
    LeaseExpired,
    PollFailed,
    Rejected,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.structs import replace
from shared.domain.transitions import apply
from shared.jobs.commit import SHORT_BACKOFF
from shared.ports.providers import ImageFile
from shared.ports.storage import StoredObject
from shared.ports.store import StepTask
from shared.worker.recent_jobs import RecentJobs
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
    running,
    states,
)
from tests.fakes.jobs import FakeJobs, Trouble
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import Harness

UNKNOWN = Unknown(detail="read timeout")
REFUSED = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED))
DOWN = Unreachable("down")


def due(job: Job) -> Job:
    return replace(job, wake_at=NOON)


def test_the_order_says_what_was_asked(harness: Harness) -> None:
    harness.jobs.put(a_job(duration=5, seed=7, audio=False))

    harness.step()

    order = harness.providers[RUNWAY].requests[0]
    assert (order.prompt, order.seed) == ("a cat", 7)
    assert (order.model_id, order.duration_seconds) == ("gen4_turbo", 5)
    assert order.image == ImageFile(jpeg=b"a jpeg", uri="gs://bucket/images/job1")
    assert order.output_uri == "gs://bucket/incoming/job1/id1/"


def test_every_step_enqueues_the_task_of_its_version(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    job = harness.step()

    assert job.version == 3
    assert harness.queue.tasks == [
        StepTask(job_id="job1", name=task_name("job1", 3), at=NOON, is_start=True)
    ]


@pytest.mark.parametrize(
    "job", [completed(a_job(), RUNWAY), a_job().ended(ErrorCode.CANCELLED)]
)
def test_a_task_for_a_job_that_has_ended_does_nothing(
    harness: Harness, job: Job
) -> None:
    harness.jobs.put(job)

    assert harness.step() == job
    assert harness.queue.tasks == []


def test_a_task_for_a_job_that_is_gone_does_nothing(harness: Harness) -> None:
    harness.advance("nobody", from_starts_queue=True)

    assert harness.queue.tasks == []


def test_a_task_that_comes_too_early_makes_sure_of_the_current_one(
    harness: Harness,
) -> None:
    later = NOON + MINUTE
    harness.jobs.put(replace(running(a_job(), RUNWAY), wake_at=later))

    for _ in range(3):
        harness.step()

    assert [task.at for task in harness.queue.tasks] == [later]
    assert harness.providers[RUNWAY].asked == []


class TestStarting:
    def test_a_start_on_the_steps_queue_is_handed_to_the_starts_queue(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())

        harness.advance("job1", from_starts_queue=False)

        assert [task.is_start for task in harness.queue.tasks] == [True]
        assert harness.starts == 0

    def test_a_start_whose_task_was_used_up_gets_through_by_the_sweep(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.advance("job1", from_starts_queue=False)
        assert harness.queue.take()  # purged, or tried too often

        job = harness.run()

        assert harness.providers[RUNWAY].starts == 1
        assert states(job)[0][0] == "runway"

    @pytest.mark.parametrize(
        "trouble", [Trouble.LOST_RACE, Trouble.UNREACHABLE, Trouble.NOT_APPLIED]
    )
    def test_without_a_sure_intent_nothing_is_sent(
        self, harness: Harness, trouble: Trouble
    ) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [trouble] * (len(SHORT_BACKOFF) + 1)

        with pytest.raises(Unreachable):
            harness.step()

        assert harness.starts == 0

    def test_an_intent_that_holds_although_unclear_is_sent(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [Trouble.APPLIED]

        assert states(harness.step()) == [("runway", "running")]
        assert harness.starts == 1

    def test_too_late_in_its_lease_nothing_is_sent(self, harness: Harness) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [Trouble.APPLIED]
        slow = timing.LEASE - timing.POST_LIMIT + SECOND
        advance = harness.advance
        paused = replace(advance.committer, pause=lambda _: harness.clock.move(slow))

        starting = replace(advance.starting, committer=paused)
        replace(advance, starting=starting)("job1", from_starts_queue=True)

        assert harness.starts == 0
        assert states(harness.job) == [("runway", "not_sent")]
        assert harness.job.cost_usd == 0

    def test_a_step_that_began_long_ago_sends_nothing(self, harness: Harness) -> None:
        harness.jobs.put(a_job())
        read = harness.bucket.read

        def slowly(name: str, *, most_bytes: int) -> bytes | None:
            harness.clock.move(timing.LONGEST_PRELUDE + SECOND)
            return read(name, most_bytes=most_bytes)

        harness.bucket.read = slowly  # type: ignore[method-assign] # as if it hung

        assert states(harness.step()) == [("runway", "not_sent")]
        assert harness.starts == 0

    def test_an_intent_that_was_called_unknown_in_between_is_not_sent(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.jobs.troubles = [Trouble.APPLIED]
        advance = harness.advance

        def outlive(_: float) -> None:
            harness.clock.move(timing.LEASE + SECOND)
            expired = LeaseExpired(attempt_id=harness.job.attempts[0].attempt_id)
            harness.committer.commit(harness.jobs.get("job1"), expired)

        committer = replace(advance.committer, pause=outlive)
        starting = replace(advance.starting, committer=committer)
        replace(advance, starting=starting)("job1", from_starts_queue=True)

        assert harness.starts == 0
        assert states(harness.job)[0] == ("runway", "unknown")
        assert harness.job.cost_usd == harness.job.attempts[0].price_usd

    def test_two_workers_on_one_job_start_once(self, harness: Harness) -> None:
        before = harness.jobs.put(a_job())
        first, second = harness.advance, harness.advance

        first.starting.start(before, before.value.chain[0])
        second.starting.start(before, before.value.chain[0])

        assert harness.starts == 1
        assert states(harness.job) == [("runway", "running")]

    def test_a_second_worker_during_the_post_waits_for_the_lease(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.providers[RUNWAY].during_start = lambda: harness.advance(
            "job1", from_starts_queue=True
        )

        harness.step()

        assert harness.starts == 1

    def test_an_answer_is_kept_after_many_lost_races(self, harness: Harness) -> None:
        harness.jobs.put(a_job())

        def trouble() -> None:
            harness.jobs.troubles = [Trouble.LOST_RACE, Trouble.UNREACHABLE] * 6

        harness.providers[RUNWAY].during_start = trouble

        assert harness.step().attempts[0].task_id == "task1"

    def test_a_cancel_during_the_post_does_not_lose_the_answer(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())

        def cancel() -> None:
            harness.committer.commit(harness.jobs.get("job1"), CancelRequested())

        harness.providers[RUNWAY].during_start = cancel

        job = harness.step()

        assert (job.attempts[0].task_id, job.is_final) == ("task1", False)
        assert job.cancel_requested_at

    def test_a_task_learned_of_after_the_end_is_cancelled(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job(stop_on_unknown=True))

        def outlive() -> None:
            harness.clock.move(timing.LEASE + SECOND)
            harness.advance("job1", from_starts_queue=False)

        harness.providers[RUNWAY].during_start = outlive

        job = harness.step()

        assert job.problem == Problem(code=ErrorCode.SUBMISSION_UNKNOWN)
        assert [task.task_id for task in harness.providers[RUNWAY].cancelled] == [
            "task1"
        ]

    def test_a_late_no_after_the_end_cancels_nothing(self, harness: Harness) -> None:
        harness.jobs.put(a_job(stop_on_unknown=True))
        harness.providers[RUNWAY].submissions = [REFUSED]

        def outlive() -> None:
            harness.clock.move(timing.LEASE + SECOND)
            harness.advance("job1", from_starts_queue=False)

        harness.providers[RUNWAY].during_start = outlive

        assert harness.step().cost_usd > 0
        assert harness.providers[RUNWAY].cancelled == []

    def test_a_job_deleted_during_the_post_stays_deleted(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        harness.providers[RUNWAY].during_start = lambda: harness.jobs.remove("job1")

        harness.advance("job1", from_starts_queue=True)

        assert harness.jobs.all == []

    def test_a_provider_that_the_chain_leaves_out_is_never_asked(
        self, harness: Harness
    ) -> None:
        """Neither where a caller chose it, nor in a job that was planned with it."""
        harness.chain = (HTTP, OMNI)
        harness.jobs.put(a_job(model="gemini-veo-3.1", chain=(VEO, RUNWAY, HTTP)))

        harness.step()
        harness.step()
        job = harness.step()

        codes = [a.problem.code.value for a in job.attempts if a.problem]
        assert codes == ["not_configured", "not_configured"]
        assert states(job)[2] == ("runway-http", "running")
        assert harness.providers[VEO].starts == harness.providers[RUNWAY].starts == 0

    def test_a_request_that_no_provider_can_make_says_that_of_all(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job(chain=(VEO, OMNI), aspect_ratio="1:1"))

        job = harness.step()
        while not job.is_final:
            job = harness.step()

        assert job.problem == Problem(
            code=ErrorCode.ALL_PROVIDERS_FAILED, detail=ALL_UNSUPPORTED
        )

    def test_a_provider_above_the_whole_cap_is_not_said_to_fit_tomorrow(self) -> None:
        limits = Limits(user=Caps(daily_usd=Decimal(1)))
        harness = Harness(jobs=FakeJobs(limits))
        job = a_job(chain=(RUNWAY, VEO), model="gemini-veo-3.1")
        harness.jobs.put(replace(job, hold_usd=Decimal("0.40")))

        attempt = harness.step().attempts[0]

        assert attempt.problem == Problem(
            code=ErrorCode.DAILY_LIMIT_REACHED, detail=ABOVE_CAP
        )

    def test_a_provider_that_is_not_configured_is_skipped(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(a_job())
        del harness.providers[RUNWAY], harness.providers[HTTP]

        harness.step()
        job = harness.step()

        codes = [a.problem.code.value for a in job.attempts if a.problem]
        assert codes == ["not_configured", "not_configured"]
        assert states(harness.step())[2] == ("gemini-veo-3.1", "running")

    @pytest.mark.parametrize("has_record", [True, False])
    def test_an_image_that_is_gone_ends_the_job(
        self, harness: Harness, has_record: bool
    ) -> None:
        job = a_job() if has_record else a_new_job()
        before = harness.jobs.put(job)
        harness.bucket.objects.clear()

        harness.starting.start(before, job.chain[0])

        assert harness.job.problem and harness.job.problem.code == "image_unreachable"
        assert harness.starts == 0

    def test_an_unknown_outcome_is_an_error_event_whatever_is_skipped_with_it(
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
    def test_three_missed_polls_hand_over_to_plain_http(self, harness: Harness) -> None:
        harness.jobs.put(due(running(a_job(), RUNWAY)))
        harness.providers[RUNWAY].polls = [PollFailed(detail="502")]
        harness.providers[HTTP].polls = [Succeeded()]

        job = harness.run()

        assert len(harness.providers[RUNWAY].asked) == 3
        assert len(harness.providers[HTTP].asked) == 1
        assert states(job) == [("runway", "succeeded")]
        assert harness.starts == 0

    def test_a_provider_whose_key_was_taken_away_misses_its_polls(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(due(running(a_job(), RUNWAY)))
        del harness.providers[RUNWAY]

        assert harness.step().attempts[0].missed_polls == 1

    @pytest.mark.parametrize(
        ("said", "state"), [(True, "failed"), (False, "cancelling")]
    )
    def test_a_cancel_is_recorded(
        self, harness: Harness, said: bool, state: str
    ) -> None:
        job = running(a_job(), RUNWAY)
        late = job.attempts[0].deadline_at
        harness.jobs.put(replace(job, wake_at=late))
        harness.clock.at = late
        harness.providers[RUNWAY].cancels = [said]

        harness.step()

        assert states(harness.step())[0] == ("runway", state)

    def test_a_cancel_that_nobody_can_send_is_given_up(self, harness: Harness) -> None:
        marked = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
        harness.jobs.put(marked)
        harness.step()
        del harness.providers[RUNWAY]

        job = harness.run()

        assert states(job) == [("runway", "cancelled")]

    @pytest.mark.parametrize(
        ("files", "state"),
        [
            ({"incoming/job1/gemini-veo-3.1/sample_0.mp4": b"v"}, "storing"),
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

        assert states(harness.step()) == [("gemini-veo-3.1", state)]

    def test_an_unknown_veo_attempt_that_wrote_its_file_delivers(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(answered(a_job(chain=(VEO,)), VEO, UNKNOWN))
        harness.bucket.objects["incoming/job1/gemini-veo-3.1/s.mp4"] = b"v"

        assert states(harness.run()) == [("gemini-veo-3.1", "succeeded")]
        assert harness.starts == 0

    def test_a_file_that_comes_while_its_worker_stands_still_is_not_written_off(
        self, harness: Harness
    ) -> None:
        harness.jobs.put(answered(a_job(chain=(VEO,)), VEO, UNKNOWN))
        plain = harness.bucket.list

        def freeze(prefix: str) -> Sequence[StoredObject]:
            found = plain(prefix)
            harness.bucket.objects["incoming/job1/gemini-veo-3.1/s.mp4"] = b"v"
            harness.clock.move(timing.ATTEMPT_LIMIT)
            harness.bucket.list = plain  # type: ignore[method-assign] # once
            return found

        harness.bucket.list = freeze  # type: ignore[method-assign] # a race, staged
        harness.step()

        assert states(harness.run()) == [("gemini-veo-3.1", "succeeded")]

    def test_a_deleted_job_is_not_woken(self, harness: Harness) -> None:
        harness.jobs.put(due(running(a_job(), RUNWAY)))
        provider = DeletingProvider(harness)
        harness.providers[RUNWAY] = provider

        harness.advance("job1", from_starts_queue=False)

        assert harness.queue.tasks == []


class DeletingProvider(ScriptedProvider):
    """Its job is deleted while it is asked about it."""

    def __init__(self, harness: Harness) -> None:
        super().__init__()
        self._harness = harness

    def poll(self, task: object) -> Working:
        self._harness.jobs.remove("job1")
        return Working()


class TestFallingBack:
    @pytest.mark.parametrize(
        ("result", "minutes"),
        [(TaskGone("404"), 2), (Unreachable("404"), 27)],
        ids=["its vendor says it is gone", "no answer"],
    )
    def test_a_result_that_is_deleted_before_it_is_fetched_hands_over(
        self, harness: Harness, result: ReelayError, minutes: int
    ) -> None:
        harness.jobs.put(a_new_job(chain=(RUNWAY, VEO)))
        harness.providers[RUNWAY].polls = [Succeeded()]
        harness.providers[RUNWAY].result = result
        harness.providers[VEO].polls = [Succeeded()]

        job = harness.run()

        assert states(job) == [("runway", "failed"), ("gemini-veo-3.1", "succeeded")]
        assert job.updated_at - job.created_at < minutes * MINUTE


class Crash(BaseException):
    """The process died here: no handler of ours runs."""


class Crashing:
    """Passes calls on; the n-th effect of the run kills the process, once.

    `before`: right before it was carried out, else right after.
    """

    def __init__(self, *, nth: int, before: bool) -> None:
        self.left, self.before = nth, before

    def wrap(self, target: object, verb: str) -> None:
        carry_out = getattr(target, verb)

        def effect(*args: object, **kwargs: object) -> object:
            self.left -= 1
            if self.left == 0 and self.before:
                raise Crash
            result = carry_out(*args, **kwargs)
            if self.left == 0:
                raise Crash
            return result

        setattr(target, verb, effect)


def a_crashing_harness(crashing: Crashing) -> Harness:
    harness = Harness()
    harness.jobs.put(a_new_job())
    for provider in harness.providers.values():
        provider.polls = [Working(), Succeeded()]
        for verb in ("start", "poll", "fetch"):
            crashing.wrap(provider, verb)
    for target, verbs in (
        (harness.jobs, ("commit", "read")),
        (harness.queue, ("enqueue",)),
        (harness.bucket, ("write", "copy_new", "read", "find", "sign_download")),
    ):
        for verb in verbs:
            crashing.wrap(target, verb)
    return harness


@pytest.mark.parametrize("nth", range(1, 28))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_crash_between_any_two_effects_loses_nothing(nth: int, before: bool) -> None:
    crashing = Crashing(nth=nth, before=before)
    harness = a_crashing_harness(crashing)

    survive(harness.run)
    harness.recent = RecentJobs()  # another process goes on
    job = harness.run()

    assert job.delivered is not None
    assert crashing.left <= 0, "fewer effects than this: nothing was tested"
    assert all(provider.starts <= 1 for provider in harness.providers.values())
    paid = {a.provider_id for a in job.attempts if a.cost_usd}
    asked = {
        provider_id
        for provider_id, provider in harness.providers.items()
        if provider.starts
    }
    assert asked <= paid
    assert harness.providers[HTTP].starts == 0


def survive(run: Callable[[], object]) -> None:
    with pytest.raises(Crash):
        run()


def test_an_answer_that_outlived_its_lease_is_followed(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY, VEO)))
    harness.providers[RUNWAY].polls = [Succeeded()]

    def outlive() -> None:
        harness.clock.move(timing.LEASE + SECOND)
        expired = LeaseExpired(attempt_id=harness.job.attempts[0].attempt_id)
        harness.committer.commit(harness.jobs.get("job1"), expired)

    harness.providers[RUNWAY].during_start = outlive
    harness.step()

    assert states(harness.run()) == [("runway", "succeeded")]
    assert harness.providers[VEO].starts == 0


def test_a_step_that_could_not_be_enqueued_is_an_error(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.queue.failures = [DOWN]

    with pytest.raises(Unreachable):
        harness.step()

    assert harness.job.image
    assert harness.step().attempts


@pytest.mark.parametrize("writes", [True, False])
def test_a_file_is_looked_for_as_long_as_the_provider_may_write_one(
    harness: Harness, writes: bool
) -> None:
    harness.jobs.put(due(a_job(chain=(OMNI,))))
    harness.providers[OMNI].submissions = [UNKNOWN]
    harness.providers[OMNI].writes_into_bucket = writes

    ended = harness.run()

    assert ended.problem and ended.problem.code is ErrorCode.ALL_PROVIDERS_FAILED
    assert (ended.updated_at >= ended.attempts[0].deadline_at) is writes
