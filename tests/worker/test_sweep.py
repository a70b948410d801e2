"""Stuck jobs are woken, expired ones ended, and none keeps the others waiting."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.naming import task_name
from shared.domain.structs import replace
from shared.jobs.schedule import nth_retry
from shared.ports.store import Overdue, StepTask
from shared.worker.sweep import PAGE, ROUND_LIMIT, STARTS_WAIT, WOKEN_AT_ONCE
from tests.domain.examples import MINUTE, SECOND, a_job, a_new_job, completed, running
from tests.fakes.clock import NOON, FrozenClock
from tests.fakes.queue import FakeQueue
from tests.usecases.harness import Harness


@pytest.mark.parametrize(
    ("overdue_by", "nth"),
    [
        (timedelta(0), 0),
        (MINUTE - SECOND, 0),
        (MINUTE, 1),
        (2 * MINUTE - SECOND, 1),
        (2 * MINUTE, 2),
        (4 * MINUTE, 3),
        (8 * MINUTE, 4),
        (timedelta(days=1), 11),
    ],
)
def test_a_job_is_woken_at_one_two_four_eight_minutes(
    overdue_by: timedelta, nth: int
) -> None:
    assert nth_retry(overdue_by) == nth


def test_a_stuck_job_is_woken_under_a_new_name_each_time(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    for _ in range(9):
        harness.sweep()
        harness.clock.move(MINUTE)

    names = [task.name for task in harness.queue.tasks]
    assert names == [task_name("job1", 1, n) for n in (1, 2, 3, 4)]
    assert not any(task.is_start for task in harness.queue.tasks)


def test_only_jobs_that_are_overdue_are_woken(harness: Harness) -> None:
    """A start that waits in its queue is not, for two minutes."""
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))
    harness.jobs.put(a_new_job(job_id="young", at=NOON + 10 * SECOND))
    harness.jobs.put(a_new_job(job_id="old", at=NOON - 5 * MINUTE))
    waiting(harness, 1)

    harness.clock.move(MINUTE)
    assert harness.sweep() == 1
    assert [task.job_id for task in harness.queue.tasks] == ["old"]
    harness.clock.move(STARTS_WAIT - MINUTE)
    assert harness.sweep() == 3


def test_an_unreadable_job_ends_at_its_deadline_and_others_past_all_limits(
    harness: Harness,
) -> None:
    harness.jobs.put(a_new_job())
    harness.jobs.put(a_new_job(job_id="unreadable"))
    harness.jobs.unreadable.add("unreadable")

    harness.clock.move(timing.JOB_LIMIT - SECOND)
    assert harness.sweep() == 2
    harness.clock.move(SECOND + timing.STORE_LIMIT)
    assert harness.sweep() == 1
    ended = harness.jobs.get("unreadable").value
    assert ended.problem and ended.problem.code is ErrorCode.DEADLINE_EXCEEDED
    assert not harness.job.is_final

    harness.clock.move(timing.ATTEMPT_LIMIT)
    assert harness.sweep() == 0
    assert harness.job.is_final


def test_one_poison_job_slows_no_other(harness: Harness) -> None:
    for name in ("poison", "good"):
        harness.jobs.put(a_new_job(job_id=name))
    harness.jobs.unreadable.add("poison")
    harness.clock.move(timing.JOB_LIMIT)

    harness.sweep()

    assert [task.job_id for task in harness.queue.tasks] == ["good"]


@pytest.mark.parametrize(
    "failure", [Unreachable("the queue is down"), ValueError("a bug")], ids=repr
)
def test_one_job_that_cannot_be_woken_does_not_end_the_round(
    harness: Harness, failure: Exception
) -> None:
    for nth in range(5):
        harness.jobs.put(a_new_job(job_id=f"job{nth}"))
    harness.clock.move(3 * MINUTE)
    harness.queue.failures = [failure]  # type: ignore[list-item] # not ours, too

    with pytest.raises(Unreachable, match="1 failures in a round"):
        harness.sweep()

    assert len(harness.queue.tasks) == 4
    assert harness.sweep() == 5


def test_a_page_that_cannot_be_read_does_not_end_the_round(harness: Harness) -> None:
    waiting(harness, 1)
    for nth in range(PAGE):
        harness.jobs.put(a_new_job(job_id=f"job{nth}"))
    harness.clock.move(3 * MINUTE)
    seen: list[str] = []
    harness.audit_ledger = lambda: seen.append("audit") or 0  # type: ignore[func-returns-value]
    harness.sweeper.wake_webhooks = lambda _now: seen.append("webhooks")
    plain = harness.jobs.overdue

    def overdue(
        now: datetime, *, after: Overdue | None = None, most: int
    ) -> Sequence[Overdue]:
        if after is not None:
            raise Unreachable("down")
        return plain(now, after=after, most=most)

    harness.jobs.overdue = overdue  # type: ignore[method-assign] # an outage, staged

    with pytest.raises(Unreachable, match="1 failures in a round"):
        harness.sweep()

    assert len(harness.queue.tasks) == PAGE
    assert seen == ["webhooks", "audit"]


def waiting(harness: Harness, count: int) -> None:
    """Jobs that wait for their start, the longest overdue of all."""
    for nth in range(count):
        job_id = f"start{nth}"
        harness.jobs.put(replace(a_job(), job_id=job_id))


def test_a_start_that_still_waits_at_its_deadline_is_ended(harness: Harness) -> None:
    late = replace(a_job(), wake_at=harness.clock.at + timing.JOB_LIMIT - MINUTE)
    harness.jobs.put(late)
    harness.clock.move(timing.JOB_LIMIT)

    harness.sweep()
    (task,) = harness.queue.tasks
    harness.advance(task.job_id, from_starts_queue=task.is_start)

    assert harness.job.is_final


def test_what_is_paid_for_is_woken_before_all_starts(harness: Harness) -> None:
    waiting(harness, 2 * PAGE + 1)
    paid = replace(running(a_job(), ProviderId.RUNWAY), job_id="paid")
    harness.jobs.put(replace(paid, wake_at=harness.clock.at + MINUTE))
    harness.clock.move(STARTS_WAIT + MINUTE)

    harness.sweep()

    assert harness.queue.tasks[0].job_id == "paid"
    assert len(harness.queue.tasks) == 2 * PAGE + 2


@dataclass(kw_only=True)
class SlowQueue(FakeQueue):
    """Each call takes its time, and `WOKEN_AT_ONCE` of them run side by side."""

    clock: FrozenClock
    call: timedelta
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        super().__init__()

    def enqueue(self, task: StepTask) -> None:
        with self.lock:
            super().enqueue(task)
            self.clock.move(self.call / WOKEN_AT_ONCE)

    @property
    def woken(self) -> set[str]:
        return {task.job_id for task in self.tasks}


def sweep_every_minute(harness: Harness, minutes: int) -> None:
    began = harness.clock.at
    for nth in range(minutes):
        harness.clock.move_to(began + nth * MINUTE)
        harness.sweep()


def test_fifteen_thousand_stuck_jobs_are_woken_within_five_minutes() -> None:
    clock = FrozenClock()
    queue = SlowQueue(clock=clock, call=timedelta(milliseconds=300))
    harness = Harness(clock=clock, queue=queue)
    stuck = a_new_job()
    for nth in range(15_000):
        harness.jobs.put(replace(stuck, job_id=f"job{nth}"))
    clock.move(MINUTE)

    with capture_logs():  # 15,000 lines that no one reads
        sweep_every_minute(harness, 4)

    assert len(queue.woken) == 15_000
    assert clock.at <= NOON + 5 * MINUTE


def test_a_round_goes_on_where_the_last_one_ran_out_of_time() -> None:
    """Nothing that is woken moves on here, as while the steps queue is paused."""
    clock = FrozenClock()
    queue = SlowQueue(clock=clock, call=WOKEN_AT_ONCE * ROUND_LIMIT / PAGE)
    harness = Harness(clock=clock, queue=queue)
    for nth in range(2 * PAGE + 1):
        harness.jobs.put(a_new_job(job_id=f"job{nth}"))
    clock.move(MINUTE)

    sweep_every_minute(harness, 3)

    assert len(queue.woken) == 2 * PAGE + 1


def test_the_ledger_is_audited_hourly_and_again_after_a_failure(
    harness: Harness,
) -> None:
    audited: list[timedelta] = []

    def audit() -> int:
        audited.append(harness.clock.at - NOON)
        if len(audited) == 1:
            raise Unreachable("down")
        return 0

    harness.audit_ledger = audit
    harness.jobs.put(a_new_job())
    for _ in range(122):
        harness.clock.move(MINUTE)
        # Whatever the audit does, the job is woken until it is past all limits.
        assert harness.sweep() or harness.job.is_final

    assert audited == [nth * MINUTE for nth in (1, 2, 62, 122)]
