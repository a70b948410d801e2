"""One step of a job: looked at, acted on, recorded, woken for the next."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import limits
from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, Problem, Unreachable
from shared.domain.job import Job
from shared.domain.naming import task_name
from shared.domain.outcomes import (
    Accepted,
    CancelRequested,
    Failed,
    LeaseExpired,
    Missed,
    Rejected,
    Submitted,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.transitions import apply, settle
from shared.ports import InlineFile, Wake
from shared.usecases.record import BRIEFLY
from tests.domain.examples import (
    MINUTE,
    NOON,
    SECOND,
    a_job,
    a_new_job,
    answered,
    completed,
    running,
    started,
    states,
    storing,
)
from tests.fakes.jobs import Trouble
from tests.fakes.provider import ScriptedProvider
from tests.usecases.stage import Stage

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN
UNKNOWN = Unknown(detail="read timeout")
REFUSED = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED))
DOWN = Unreachable("down")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def due(job: Job) -> Job:
    return replace(job, wake_at=NOON)


def test_a_job_goes_its_whole_way(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    stage.links[RUNWAY].polls = [Working(progress=0.5), Succeeded()]

    job = stage.run()

    assert states(job) == [("runway", "succeeded")]
    assert stage.bucket.objects["videos/ann/job1.mp4"] == b"an mp4"
    assert stage.starts == 1
    assert stage.jobs.projections["job1"]["status"] == "completed"


def test_the_order_says_what_was_asked(stage: Stage) -> None:
    stage.jobs.put(a_job(duration=5, seed=7, audio=False))

    stage.step()

    order = stage.links[RUNWAY].orders[0]
    assert (order.prompt, order.jpeg, order.seed) == ("a cat", b"a jpeg", 7)
    assert (order.model_id, order.duration_seconds) == ("gen4_turbo", 5)
    assert order.picture_uri == "gs://bucket/images/job1"
    assert order.output_uri == "gs://bucket/incoming/job1/id1/"


def test_every_step_enqueues_the_task_of_its_version(stage: Stage) -> None:
    stage.jobs.put(a_new_job())

    job = stage.step()

    assert job.version == 2
    assert stage.queue.wakes == [
        Wake(job_id="job1", name=task_name("job1", 2), at=NOON, is_start=True)
    ]


@pytest.mark.parametrize(
    "job", [completed(a_job(), RUNWAY), a_job().ended(ErrorCode.CANCELLED)]
)
def test_a_task_for_a_job_that_has_ended_does_nothing(stage: Stage, job: Job) -> None:
    stage.jobs.put(job)

    assert stage.step() == job
    assert stage.queue.wakes == []


def test_a_task_for_a_job_that_is_gone_does_nothing(stage: Stage) -> None:
    stage.advance("nobody", from_starts_queue=True)

    assert stage.queue.wakes == []


def test_a_task_that_comes_too_early_makes_sure_of_the_current_one(
    stage: Stage,
) -> None:
    later = NOON + MINUTE
    stage.jobs.put(replace(running(a_job(), RUNWAY), wake_at=later))

    for _ in range(3):
        stage.step()

    assert [wake.at for wake in stage.queue.wakes] == [later]
    assert stage.links[RUNWAY].asked == []


class TestStarting:
    def test_a_start_on_the_steps_queue_is_handed_to_the_starts_queue(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(a_job())

        stage.advance("job1", from_starts_queue=False)

        assert [wake.is_start for wake in stage.queue.wakes] == [True]
        assert stage.starts == 0

    def test_a_start_whose_task_was_used_up_gets_through_by_the_sweep(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(a_job())
        stage.advance("job1", from_starts_queue=False)
        assert stage.queue.take()  # purged, or tried too often

        job = stage.run()

        assert stage.links[RUNWAY].starts == 1
        assert states(job)[0][0] == "runway"

    @pytest.mark.parametrize(
        "trouble", [Trouble.LOST_RACE, Trouble.UNREACHABLE, Trouble.NOT_APPLIED]
    )
    def test_without_a_sure_intent_nothing_is_sent(
        self, stage: Stage, trouble: Trouble
    ) -> None:
        stage.jobs.put(a_job())
        stage.jobs.troubles = [trouble] * (len(BRIEFLY) + 1)

        with pytest.raises(Unreachable):
            stage.step()

        assert stage.starts == 0

    def test_an_intent_that_holds_although_unclear_is_sent(self, stage: Stage) -> None:
        stage.jobs.put(a_job())
        stage.jobs.troubles = [Trouble.APPLIED]

        assert states(stage.step()) == [("runway", "running")]
        assert stage.starts == 1

    def test_an_intent_of_a_deleted_job_is_not_sent(self, stage: Stage) -> None:
        before = stage.jobs.put(a_job())
        stage.jobs.remove("job1")

        stage.starting.start(before, before.job.chain[0])

        assert stage.starts == 0

    def test_too_late_in_its_lease_nothing_is_sent(self, stage: Stage) -> None:
        stage.jobs.put(a_job())
        stage.jobs.troubles = [Trouble.APPLIED]
        slow = limits.LEASE - limits.POST_LIMIT + SECOND
        advance = stage.advance
        paused = replace(advance.recorder, pause=lambda _: stage.clock.move(slow))

        starting = replace(advance.starting, recorder=paused)
        replace(advance, starting=starting)("job1", from_starts_queue=True)

        assert stage.starts == 0
        assert states(stage.job) == [("runway", "not_sent")]
        assert stage.job.cost_usd == 0

    def test_an_intent_that_was_called_unknown_in_between_is_not_sent(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(a_job())
        stage.jobs.troubles = [Trouble.APPLIED]
        advance = stage.advance

        def outlive(_: float) -> None:
            stage.clock.move(limits.LEASE + SECOND)
            expired = LeaseExpired(attempt_id=stage.job.attempts[0].attempt_id)
            stage.recorder.record(stage.jobs.get("job1"), expired)

        recorder = replace(advance.recorder, pause=outlive)
        starting = replace(advance.starting, recorder=recorder)
        replace(advance, starting=starting)("job1", from_starts_queue=True)

        assert stage.starts == 0
        assert states(stage.job)[0] == ("runway", "unknown")
        assert stage.job.cost_usd == stage.job.attempts[0].price_usd

    def test_two_workers_on_one_job_start_once(self, stage: Stage) -> None:
        before = stage.jobs.put(a_job())
        first, second = stage.advance, stage.advance

        first.starting.start(before, before.job.chain[0])
        second.starting.start(before, before.job.chain[0])

        assert stage.starts == 1
        assert states(stage.job) == [("runway", "running")]

    def test_a_second_worker_during_the_post_waits_for_the_lease(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(a_job())
        stage.links[RUNWAY].during_start = lambda: stage.advance(
            "job1", from_starts_queue=True
        )

        stage.step()

        assert stage.starts == 1

    def test_an_answer_is_kept_after_many_lost_races(self, stage: Stage) -> None:
        stage.jobs.put(a_job())

        def trouble() -> None:
            stage.jobs.troubles = [Trouble.LOST_RACE, Trouble.UNREACHABLE] * 6

        stage.links[RUNWAY].during_start = trouble

        assert stage.step().attempts[0].task_id == "task1"

    def test_a_cancel_during_the_post_does_not_lose_the_answer(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(a_job())

        def cancel() -> None:
            stage.recorder.record(stage.jobs.get("job1"), CancelRequested())

        stage.links[RUNWAY].during_start = cancel

        job = stage.step()

        assert (job.attempts[0].task_id, job.is_final) == ("task1", False)
        assert job.cancel_requested_at

    def test_a_task_learned_of_after_the_end_is_cancelled(self, stage: Stage) -> None:
        stage.jobs.put(a_job(stop_on_unknown=True))

        def outlive() -> None:
            stage.clock.move(limits.LEASE + SECOND)
            stage.advance("job1", from_starts_queue=False)

        stage.links[RUNWAY].during_start = outlive

        job = stage.step()

        assert job.problem == Problem(code=ErrorCode.SUBMISSION_UNKNOWN)
        assert [task.task_id for task in stage.links[RUNWAY].cancelled] == ["task1"]

    def test_a_late_no_after_the_end_cancels_nothing(self, stage: Stage) -> None:
        stage.jobs.put(a_job(stop_on_unknown=True))
        stage.links[RUNWAY].submissions = [REFUSED]

        def outlive() -> None:
            stage.clock.move(limits.LEASE + SECOND)
            stage.advance("job1", from_starts_queue=False)

        stage.links[RUNWAY].during_start = outlive

        assert stage.step().cost_usd > 0
        assert stage.links[RUNWAY].cancelled == []

    def test_a_job_deleted_during_the_post_stays_deleted(self, stage: Stage) -> None:
        stage.jobs.put(a_job())
        stage.links[RUNWAY].during_start = lambda: stage.jobs.remove("job1")

        stage.advance("job1", from_starts_queue=True)

        assert stage.jobs.all == []

    def test_a_link_that_is_not_configured_is_skipped(self, stage: Stage) -> None:
        stage.jobs.put(a_job())
        del stage.links[RUNWAY], stage.links[HTTP]

        stage.step()
        job = stage.step()

        codes = [a.problem.code.value for a in job.attempts if a.problem]
        assert codes == ["not_configured", "not_configured"]
        assert states(stage.step())[2] == ("gemini-veo-3.1", "running")

    @pytest.mark.parametrize("has_record", [True, False])
    def test_a_picture_that_is_gone_ends_the_job(
        self, stage: Stage, has_record: bool
    ) -> None:
        job = a_job() if has_record else a_new_job()
        before = stage.jobs.put(job)
        stage.bucket.objects.clear()

        stage.starting.start(before, job.chain[0])

        assert stage.job.problem and stage.job.problem.code == "image_unreachable"
        assert stage.starts == 0

    def test_an_unknown_outcome_is_known_as_such(self, stage: Stage) -> None:
        stage.jobs.put(a_job())
        stage.links[RUNWAY].submissions = [UNKNOWN]

        assert states(stage.step())[0] == ("runway", "unknown")


class TestFollowing:
    def test_a_poll_is_recorded(self, stage: Stage) -> None:
        stage.jobs.put(due(running(a_job(), RUNWAY)))
        stage.links[RUNWAY].polls = [Working(progress=0.5)]

        assert stage.step().progress == 49
        assert stage.links[RUNWAY].asked[0].task_id == "task-runway"

    def test_three_missed_polls_hand_over_to_plain_http(self, stage: Stage) -> None:
        stage.jobs.put(due(running(a_job(), RUNWAY)))
        stage.links[RUNWAY].polls = [Missed(detail="502")]
        stage.links[HTTP].polls = [Succeeded()]

        job = stage.run()

        assert len(stage.links[RUNWAY].asked) == 3
        assert len(stage.links[HTTP].asked) == 1
        assert states(job) == [("runway", "succeeded")]
        assert stage.starts == 0

    def test_a_link_whose_key_was_taken_away_misses_its_polls(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(due(running(a_job(), RUNWAY)))
        del stage.links[RUNWAY]

        assert stage.step().attempts[0].missed_polls == 1

    @pytest.mark.parametrize(
        ("said", "state"), [(True, "failed"), (False, "cancelling")]
    )
    def test_a_cancel_is_recorded(self, stage: Stage, said: bool, state: str) -> None:
        job = running(a_job(), RUNWAY)
        late = job.attempts[0].deadline_at
        stage.jobs.put(replace(job, wake_at=late))
        stage.clock.at = late
        stage.links[RUNWAY].cancels = [said]

        stage.step()

        assert states(stage.step())[0] == ("runway", state)

    def test_a_cancel_that_nobody_can_send_is_given_up(self, stage: Stage) -> None:
        marked = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
        stage.jobs.put(marked)
        stage.step()
        del stage.links[RUNWAY]

        job = stage.run()

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
        self, stage: Stage, files: dict[str, bytes], state: str
    ) -> None:
        stage.jobs.put(answered(a_job(chain=(VEO,)), VEO, UNKNOWN))
        stage.bucket.objects |= files

        assert states(stage.step()) == [("gemini-veo-3.1", state)]

    def test_an_unknown_veo_attempt_that_wrote_its_file_delivers(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(answered(a_job(chain=(VEO,)), VEO, UNKNOWN))
        stage.bucket.objects["incoming/job1/gemini-veo-3.1/s.mp4"] = b"v"

        assert states(stage.run()) == [("gemini-veo-3.1", "succeeded")]
        assert stage.starts == 0

    def test_a_lease_that_ran_out_is_recorded(self, stage: Stage) -> None:
        stage.jobs.put(started(a_job(), RUNWAY))
        stage.clock.move(limits.LEASE + SECOND)

        assert states(stage.step())[0] == ("runway", "unknown")

    def test_a_deleted_job_is_not_woken(self, stage: Stage) -> None:
        stage.jobs.put(due(running(a_job(), RUNWAY)))
        provider = DeletingProvider(stage)
        stage.links[RUNWAY] = provider

        stage.advance("job1", from_starts_queue=False)

        assert stage.queue.wakes == []


class DeletingProvider(ScriptedProvider):
    """Its job is deleted while it is asked about it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def poll(self, task: object) -> Working:
        self._stage.jobs.remove("job1")
        return Working()


class TestFallingBack:
    def test_each_vendor_is_asked_in_turn_until_one_delivers(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(a_new_job())
        stage.links[RUNWAY].submissions = [REFUSED]
        filtered = Failed(problem=Problem(code=ErrorCode.OUTPUT_FILTERED))
        stage.links[VEO].polls = [filtered]
        stage.links[OMNI].polls = [Succeeded()]

        job = stage.run()

        assert states(job) == [
            ("runway", "rejected"),
            ("runway-http", "skipped"),
            ("gemini-veo-3.1", "failed"),
            ("gemini-omni-flash", "succeeded"),
        ]

    def test_a_refused_prompt_never_reaches_the_next_provider(
        self, stage: Stage
    ) -> None:
        stage.jobs.put(a_new_job())
        refused = Failed(problem=Problem(code=ErrorCode.PROMPT_REFUSED))
        stage.links[RUNWAY].polls = [refused]

        job = stage.run()

        assert job.problem == Problem(code=ErrorCode.PROMPT_REFUSED)
        assert stage.starts == 1

    def test_when_all_have_failed_the_job_says_so(self, stage: Stage) -> None:
        stage.jobs.put(a_new_job())
        for provider in stage.links.values():
            provider.submissions = [REFUSED]

        assert stage.run().problem == Problem(code=ErrorCode.ALL_PROVIDERS_FAILED)


class Crash(Exception):
    """The process died here."""


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


def a_crashing_stage(crashing: Crashing) -> Stage:
    stage = Stage()
    stage.jobs.put(a_new_job())
    for provider in stage.links.values():
        provider.polls = [Working(), Succeeded()]
        for verb in ("start", "poll", "fetch"):
            crashing.wrap(provider, verb)
    for target, verbs in (
        (stage.jobs, ("commit", "read")),
        (stage.queue, ("enqueue",)),
        (stage.bucket, ("write", "copy_new", "read", "find", "sign_download")),
    ):
        for verb in verbs:
            crashing.wrap(target, verb)
    return stage


@pytest.mark.parametrize("nth", range(1, 27))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_crash_between_any_two_effects_loses_nothing(nth: int, before: bool) -> None:
    crashing = Crashing(nth=nth, before=before)
    stage = a_crashing_stage(crashing)

    survive(stage.run)
    job = stage.run()

    assert job.delivered is not None
    assert crashing.left <= 0, "fewer effects than this: nothing was tested"
    assert all(provider.starts <= 1 for provider in stage.links.values())
    paid = {a.link for a in job.attempts if a.cost_usd}
    asked = {link for link, provider in stage.links.items() if provider.starts}
    assert asked <= paid
    assert stage.links[HTTP].starts == 0


def survive(run: Callable[[], object]) -> None:
    with pytest.raises(Crash):
        run()


def test_an_answer_that_outlived_its_lease_is_followed(stage: Stage) -> None:
    stage.jobs.put(a_job(chain=(RUNWAY, VEO)))
    stage.links[RUNWAY].polls = [Succeeded()]

    def outlive() -> None:
        stage.clock.move(limits.LEASE + SECOND)
        expired = LeaseExpired(attempt_id=stage.job.attempts[0].attempt_id)
        stage.recorder.record(stage.jobs.get("job1"), expired)

    stage.links[RUNWAY].during_start = outlive
    stage.step()

    assert states(stage.run()) == [("runway", "succeeded")]
    assert stage.links[VEO].starts == 0


def test_a_late_answer_is_used_if_the_other_link_fails(stage: Stage) -> None:
    at = NOON + limits.LEASE + SECOND
    job = settle(started(a_job(chain=(RUNWAY, VEO)), RUNWAY), at)
    late = Submitted(attempt_id=str(RUNWAY), submission=Accepted(task_id="late"))
    stage.jobs.put(apply(running(job, VEO, at), late, at))
    stage.clock.at = at
    stage.links[VEO].polls = [Failed(problem=Problem(code=ErrorCode.PROVIDER_ERROR))]
    stage.links[RUNWAY].polls = [Succeeded()]
    stage.links[RUNWAY].result = InlineFile(content=b"late mp4")

    stage.sweep()
    job = stage.run()

    assert states(job) == [("runway", "succeeded"), ("gemini-veo-3.1", "failed")]
    assert stage.bucket.objects["videos/ann/job1.mp4"] == b"late mp4"


def test_a_step_that_could_not_be_enqueued_is_an_error(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    stage.queue.failures = [DOWN]

    with pytest.raises(Unreachable):
        stage.step()

    assert stage.job.picture
    assert stage.step().attempts


def test_storing_goes_on_past_the_jobs_deadline(stage: Stage) -> None:
    job = storing(a_job(), RUNWAY)
    stage.jobs.put(job)
    stage.clock.at = job.deadline_at + timedelta(minutes=5)

    assert stage.step().delivered
