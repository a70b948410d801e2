"""A vendor's answer survives a store that doesn't take it: it is kept in tasks."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, ReelayError, Unreachable, WrittenLater
from shared.domain.outcomes import Accepted, Submission, Succeeded, Unknown
from shared.domain.structs import replace
from shared.jobs.commit import LONG_BACKOFF, SHORT_BACKOFF
from shared.ports.store import Task, TaskQueue
from tests.domain.examples import MINUTE, RUNWAY, VEO, a_job, rejected, started, states
from tests.fakes.jobs import Trouble
from tests.usecases.harness import ANN, Harness

ACCEPTED = Accepted(task_id="task1", platform="p")


def not_recorded(lines: list[EventDict]) -> list[tuple[str, ...]]:
    """Each answer that is logged as not recorded: of what, what, and its task."""
    lost = (line for line in lines if line["event"] == "answer_not_recorded")
    names = ("job_id", "ai_model", "answer", "task_id")
    return [tuple(line[name] for name in names) for line in lost]


def answer_without_store(harness: Harness, answer: Submission = ACCEPTED) -> list[Task]:
    """The tasks that keep the answer of Runway, whose task would succeed."""
    runway = harness.providers[RUNWAY]
    runway.submissions, runway.polls = [answer], [Succeeded()]
    down = [Trouble.UNREACHABLE] * (len(LONG_BACKOFF) + 3)
    runway.during_start = lambda: harness.jobs.troubles.extend(down)
    with capture_logs() as lines, pytest.raises(Unreachable):
        harness.step()
    task_id = getattr(answer, "task_id", None)
    found = ("job1", "runway", type(answer).__name__, task_id)
    assert not_recorded(lines) == [found]
    kept = [task for task in harness.queue.tasks if task.answer]
    # The other queue may be paused.
    assert {task.queue for task in kept} <= {TaskQueue.STEPS}
    return kept


def end_without_the_answer(harness: Harness) -> None:
    harness.outlive_the_lease()
    harness.clock.move(timing.ANSWER_WAIT)
    harness.step()
    assert harness.job.is_final


@pytest.mark.parametrize("lease", ["lasts", "is over"])
@pytest.mark.parametrize("queue_failures", [0, 1])
def test_a_video_is_delivered_although_firestore_was_down_after_the_paid_call(
    harness: Harness, lease: str, queue_failures: int
) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY, VEO)))
    harness.queue.failures = [Unreachable("the queue, too")] * queue_failures
    answer_without_store(harness)
    if lease == "is over":
        harness.outlive_the_lease()

    job = harness.run()

    assert states(job) == [("runway", "succeeded")]
    assert (job.attempts[0].task_id, job.attempts[0].platform) == ("task1", "p")
    assert (harness.starts, harness.providers[RUNWAY].cancelled) == (1, [])


@pytest.mark.parametrize(
    ("chain", "second_outage"),
    [
        pytest.param((RUNWAY, VEO), 0 * MINUTE, id="another provider is left"),
        pytest.param((RUNWAY,), 0 * MINUTE, id="none is left"),
        pytest.param((RUNWAY, VEO), timing.ANSWER_WAIT + 2 * MINUTE, id="two outages"),
    ],
)
def test_no_provider_is_asked_before_a_kept_answer_has_had_its_turn(
    harness: Harness, chain: tuple[ProviderId, ...], second_outage: timedelta
) -> None:
    """Firestore is back after minutes, and the job's next step comes first. A second
    outage may begin while the job waits for the answer, whose tries it fails as well.
    """
    harness.jobs.put(a_job(chain=chain))
    answer, *_ = answer_without_store(harness)
    harness.queue.tasks.clear()
    harness.clock.move(timing.LEASE + 2 * MINUTE)
    harness.step()
    harness.clock.move(second_outage)
    harness.step()

    # The longest pause between two tries of a task.
    harness.clock.move(MINUTE)
    harness.deliver(answer)

    assert states(harness.run()) == [("runway", "succeeded")]
    assert (harness.starts, harness.providers[RUNWAY].cancelled) == (1, [])


def test_steps_that_always_come_late_wait_twice_for_an_answer(
    harness: Harness,
) -> None:
    harness.jobs.put(started(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    for _ in range(3):
        assert harness.starts == 0
        harness.clock.move(timing.ANSWER_WAIT + MINUTE)
        harness.step()

    assert harness.starts == 1


def test_an_answer_that_nobody_kept_is_not_waited_for_long(harness: Harness) -> None:
    harness.jobs.put(started(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    harness.providers[VEO].polls = [Succeeded()]
    harness.clock.move(timing.LEASE + 2 * MINUTE)
    harness.step()

    assert harness.job.wake_at == harness.clock.now() + timing.ANSWER_WAIT
    assert states(harness.run()) == [
        ("runway", "unknown"),
        ("gemini-veo-3.1", "succeeded"),
    ]


def test_a_cancelled_job_does_not_wait_for_a_kept_answer(harness: Harness) -> None:
    harness.jobs.put(started(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    harness.cancel_video(ANN, "job1")
    harness.clock.move(timing.LEASE + 2 * MINUTE)
    harness.step()

    assert harness.job.is_final


def test_an_answer_is_kept_before_the_worker_tries_for_minutes_and_may_be_ended(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY, VEO)))

    def end_process(seconds: float) -> None:
        if seconds > SHORT_BACKOFF[0]:
            raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(harness.clock, "pause", end_process)
        with pytest.raises(SystemExit):
            answer_without_store(harness)
    harness.jobs.troubles.clear()

    assert states(harness.run()) == [("runway", "succeeded")]
    assert harness.starts == 1


@pytest.mark.parametrize("failures", [[], [Unreachable("the queue is down")]])
def test_an_answer_that_is_recorded_a_little_late_is_no_error(
    harness: Harness, failures: list[ReelayError]
) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    runway = harness.providers[RUNWAY]
    runway.submissions, runway.polls = [ACCEPTED], [Succeeded()]

    def fail() -> None:
        harness.jobs.troubles += [Trouble.UNREACHABLE] * 2
        harness.queue.failures += failures

    runway.during_start = fail

    with capture_logs() as lines:
        job = harness.run()

    assert states(job) == [("runway", "succeeded")]
    assert not_recorded(lines) == []


def test_an_answer_that_only_loses_a_race_is_not_kept(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    harness.providers[RUNWAY].submissions = [ACCEPTED]
    lose = [Trouble.LOST_RACE]
    harness.providers[RUNWAY].during_start = lambda: harness.jobs.troubles.extend(lose)

    assert states(harness.step()) == [("runway", "running")]
    assert [task for task in harness.queue.tasks if task.answer] == []


def test_a_later_release_records_the_answer(harness: Harness) -> None:
    """This worker, of the earlier release, can't read the job any more."""
    harness.jobs.put(a_job(chain=(RUNWAY,)))

    def rewrite() -> None:
        harness.jobs.troubles += [Trouble.LOST_RACE] * 2
        harness.jobs.written_later.add("job1")

    harness.providers[RUNWAY].during_start = rewrite
    harness.providers[RUNWAY].polls = [Succeeded()]
    with capture_logs() as lines, pytest.raises(WrittenLater):
        harness.step()

    assert not_recorded(lines) == [("job1", "runway", "Accepted", "task1")]
    harness.jobs.written_later.clear()

    assert states(harness.run()) == [("runway", "succeeded")]


def test_an_answer_is_recorded_once_until_the_deadline(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    first, *others = answer_without_store(harness)
    harness.queue.failures = [Unreachable("down")]
    with capture_logs() as lines, pytest.raises(Unreachable):
        harness.deliver(first)
    recorded = harness.job
    (line,) = [line for line in lines if line["event"] == "answer_recorded"]
    assert (line["job_id"], line["task_id"]) == ("job1", "task1")

    for task in (first, *others):
        harness.deliver(task)

    assert harness.job == recorded
    assert harness.queue.tasks[-1].at == recorded.wake_at
    assert timing.JOB_LIMIT / 2 <= others[-1].at - first.at < timing.JOB_LIMIT


@pytest.mark.parametrize("why", [Unreachable("down"), WrittenLater("job1")], ids=repr)
def test_an_answer_is_kept_until_it_is_recorded(
    harness: Harness, why: ReelayError
) -> None:
    """However long Firestore is down, or an earlier release is there after a roll-back:
    as if the worker had recorded it, with a try never further away than a step waits.
    """
    harness.jobs.put(a_job(chain=(RUNWAY, VEO)))
    answer_without_store(harness)
    is_back_at = harness.clock.now() + 3 * timing.JOB_LIMIT
    while (task := harness.queue.take()) and task.at < is_back_at:
        harness.clock.move_to(task.at)
        for _ in range(2):
            harness.jobs.read_failures = [why]
            with pytest.raises(type(why)):
                harness.deliver(task)

    assert task and task.at - harness.clock.now() <= timing.ANSWER_SPACING
    harness.step()
    harness.deliver(task)

    assert states(harness.run()) == [("runway", "succeeded")]
    assert (harness.starts, harness.providers[RUNWAY].cancelled) == (1, [])


def test_a_kept_answer_survives_twenty_minutes_without_a_worker(
    harness: Harness,
) -> None:
    """Cloud Tasks gives up a task that has not reached one for four minutes."""
    harness.jobs.put(a_job(chain=(RUNWAY, VEO)))
    answer_without_store(harness)
    workers_end_at = harness.clock.now() + timing.JOB_LIMIT
    while (task := harness.queue.take()) and task.at < workers_end_at:
        harness.clock.move_to(task.at)
        harness.jobs.read_failures = [Unreachable("down")]
        with pytest.raises(Unreachable):
            harness.deliver(task)

    workers_start_at = harness.clock.now() + 20 * MINUTE
    while task and task.at < workers_start_at:
        task = harness.queue.take()
    assert task
    harness.clock.move_to(task.at)
    harness.deliver(task)

    assert states(harness.run()) == [("runway", "succeeded")]


def test_an_answer_is_kept_for_a_day(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    answer_without_store(harness)
    began_at = harness.clock.now()
    while task := harness.queue.take():
        harness.clock.move_to(task.at)
        harness.jobs.read_failures = [Unreachable("down")]
        with pytest.raises(Unreachable):
            harness.deliver(task)

    day = timing.STORE_LIMIT
    assert day - timing.ANSWER_SPACING <= harness.clock.now() - began_at <= day


def test_an_answer_that_an_earlier_release_kept_is_recorded(harness: Harness) -> None:
    """Without the time at which it was kept, no further tasks follow."""
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    task, *_ = answer_without_store(harness)
    harness.queue.tasks.clear()
    assert task.answer
    earlier = replace(task, answer=replace(task.answer, kept_at=None))
    harness.jobs.read_failures = [Unreachable("down")]
    with pytest.raises(Unreachable):
        harness.deliver(earlier)
    assert harness.queue.tasks == []

    harness.deliver(earlier)

    assert harness.job.attempts[0].task_id == "task1"


def test_the_task_of_an_ended_job_is_cancelled_once(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,), stop_on_unknown=True))
    tasks = answer_without_store(harness)
    end_without_the_answer(harness)

    with capture_logs() as lines:
        for task in tasks:
            harness.deliver(task)

    assert [t.task_id for t in harness.providers[RUNWAY].cancelled] == ["task1"]
    late = [line for line in lines if line["event"] == "accepted_after_job_ended"]
    assert [line["task_id"] for line in late] == ["task1"]


def test_a_late_answer_without_a_key_is_reported(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,), stop_on_unknown=True))
    task, *_ = answer_without_store(harness)
    end_without_the_answer(harness)
    del harness.providers[RUNWAY]

    with capture_logs() as lines:
        harness.deliver(task)

    (late,) = [line for line in lines if line["event"] == "accepted_after_job_ended"]
    assert (late["task_id"], late["cancelled"]) == ("task1", False)


def test_the_task_of_a_deleted_job_is_cancelled(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    task, *_ = answer_without_store(harness)
    harness.jobs.remove("job1")

    harness.deliver(task)

    assert [t.task_id for t in harness.providers[RUNWAY].cancelled] == ["task1"]
    assert harness.jobs.all == []


def test_an_answer_to_no_attempt_changes_nothing(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    task, *_ = answer_without_store(harness)
    before, kept = harness.job, task.answer
    assert kept is not None

    harness.deliver(replace(task, answer=replace(kept, attempt_id="other")))

    assert harness.job == before


@pytest.mark.parametrize(
    "answer", [rejected(ErrorCode.RATE_LIMITED), Unknown(detail="no answer")]
)
def test_an_answer_without_a_task_is_not_kept(
    harness: Harness, answer: Submission
) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))

    assert answer_without_store(harness, answer) == []


def test_the_most_that_the_task_may_cost_is_held(harness: Harness) -> None:
    harness.jobs.put(a_job(chain=(RUNWAY,)))
    price = harness.job.chain[0].price_usd
    expensive = replace(ACCEPTED, max_cost_usd=2 * price)
    task, *_ = answer_without_store(harness, expensive)

    harness.deliver(task)

    job = harness.job
    assert job.hold_usd == job.cost_usd == 2 * price
    assert harness.queue.tasks[-1].at == job.wake_at
    (planned,) = harness.price_watch.plan(job.chain, job.request.resolution)
    assert planned.price_usd == 2 * price
