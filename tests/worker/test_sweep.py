"""The sweep enqueues overdue jobs and ends expired ones; none blocks the others."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.naming import task_name
from shared.domain.outcomes import Succeeded
from shared.domain.structs import replace
from shared.ports.store import Task, TaskQueue
from shared.worker.sweep import MAX_START_WAIT, PAGE_SIZE, ROUND_LIMIT, WAKE_WORKERS
from tests.domain.examples import MINUTE, SECOND, a_job, a_new_job, completed, running
from tests.fakes.clock import NOON, FrozenClock
from tests.fakes.interpose import before, before_next
from tests.fakes.jobs import Trouble
from tests.fakes.queue import FakeQueue
from tests.usecases.harness import Harness


def test_a_stuck_job_gets_a_task_with_a_new_name_each_time(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    for _ in range(9):
        harness.sweep()
        harness.clock.move(MINUTE)

    names = [task.name for task in harness.queue.tasks]
    assert names == [task_name("job1", 1, n) for n in (1, 2, 3, 4)]
    assert not any(task.queue is TaskQueue.STARTS for task in harness.queue.tasks)


def test_only_overdue_jobs_are_enqueued(harness: Harness) -> None:
    """A start that waits in its queue only counts as overdue after two minutes."""
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))
    harness.jobs.put(a_new_job(job_id="young", at=NOON + 10 * SECOND))
    harness.jobs.put(a_new_job(job_id="old", at=NOON - 5 * MINUTE))
    waiting(harness, 1)

    harness.clock.move(MINUTE)
    assert harness.sweep() == 1
    assert [task.job_id for task in harness.queue.tasks] == ["old"]
    harness.clock.move(MAX_START_WAIT - MINUTE)
    assert harness.sweep() == 3


def test_an_unreadable_job_ends_after_its_deadline_and_others_past_all_limits(
    harness: Harness,
) -> None:
    harness.jobs.put(a_new_job())
    harness.jobs.put(a_new_job(job_id="unreadable"))
    harness.jobs.unreadable.add("unreadable")

    harness.clock.move(timing.JOB_LIMIT - SECOND)
    assert harness.sweep() == 2
    harness.clock.move(SECOND + timing.STORE_LIMIT)
    with capture_logs() as lines:
        assert harness.sweep() == 1
    assert {"woken": 1, "ended": 1, "failed": 0}.items() <= lines[-1].items()
    ended = harness.jobs.get("unreadable").value
    assert ended.problem and ended.problem.code is ErrorCode.DEADLINE_EXCEEDED
    assert not harness.job.is_final

    harness.clock.move(timing.ATTEMPT_LIMIT)
    assert harness.sweep() == 0
    assert harness.job.is_final


def test_a_job_of_a_later_release_is_left_alone_until_past_all_limits(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.jobs.written_later.add("job1")

    harness.clock.move(timing.JOB_LIMIT + timing.STORE_LIMIT)
    assert harness.sweep() == 1

    harness.clock.move(timing.ATTEMPT_LIMIT)
    assert harness.sweep() == 0
    harness.jobs.written_later.clear()
    assert harness.job.is_final


def test_a_job_that_moved_since_it_was_found_is_not_ended(harness: Harness) -> None:
    """After a long outage, workers and the sweep find the same jobs."""
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]
    harness.clock.move(timing.JOB_LIMIT + timing.STORE_LIMIT + timing.ATTEMPT_LIMIT)
    before(harness.jobs, "abandon", harness.step)
    assert harness.sweep() == 0
    assert not harness.job.is_final

    assert harness.run().delivered


@pytest.mark.parametrize("trouble", [Trouble.LOST_RACE, Trouble.UNREACHABLE])
def test_a_job_that_could_not_be_ended_is_ended_by_a_later_sweep(
    harness: Harness, trouble: Trouble
) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.clock.move(timing.JOB_LIMIT + timing.STORE_LIMIT + timing.ATTEMPT_LIMIT)
    harness.jobs.troubles = [trouble]

    assert harness.sweep() == 0
    assert not harness.job.is_final
    assert harness.sweep() == 0
    assert harness.job.is_final


def test_a_job_that_the_store_does_not_show_is_woken_after_its_deadline(
    harness: Harness,
) -> None:
    harness.jobs.put(a_new_job())
    harness.clock.move(timing.JOB_LIMIT)
    harness.jobs.read_failures = [Unreachable("down")]

    assert harness.sweep() == 1


def test_an_unreadable_job_does_not_block_the_others(harness: Harness) -> None:
    for name in ("poison", "good"):
        harness.jobs.put(a_new_job(job_id=name))
    harness.jobs.unreadable.add("poison")
    harness.clock.move(timing.JOB_LIMIT)

    harness.sweep()

    assert [task.job_id for task in harness.queue.tasks] == ["good"]


@pytest.mark.parametrize(
    "failure", [Unreachable("the queue is down"), ValueError("a bug")], ids=repr
)
def test_a_job_that_cannot_be_enqueued_does_not_end_the_sweep(
    harness: Harness, failure: Exception
) -> None:
    for nth in range(5):
        harness.jobs.put(a_new_job(job_id=f"job{nth}"))
    harness.clock.move(3 * MINUTE)
    harness.queue.failures = [failure]  # type: ignore[list-item] # any exception

    with pytest.raises(Unreachable, match="1 failures in a round"):
        harness.sweep()

    assert len(harness.queue.tasks) == 4
    assert harness.sweep() == 5


def test_a_page_that_cannot_be_read_does_not_end_the_sweep(harness: Harness) -> None:
    waiting(harness, 1)
    for nth in range(PAGE_SIZE):
        harness.jobs.put(a_new_job(job_id=f"job{nth}"))
    harness.clock.move(3 * MINUTE)
    seen: list[str] = []
    harness.audit_ledger = lambda: seen.append("audit") or 0  # type: ignore[func-returns-value]
    before(harness.jobs, "overdue_webhooks", lambda: seen.append("webhooks"))

    def fail() -> None:
        raise Unreachable("down")

    before_next(harness.jobs, "overdue", lambda: None, fail)

    with pytest.raises(Unreachable, match="1 failures in a round"):
        harness.sweep()

    assert len(harness.queue.tasks) == PAGE_SIZE
    assert seen == ["webhooks", "audit"]


def waiting(harness: Harness, count: int) -> None:
    """Put jobs that wait for their start and are overdue for longest."""
    for nth in range(count):
        job_id = f"start{nth}"
        harness.jobs.put(replace(a_job(), job_id=job_id))


def test_a_start_that_still_waits_at_its_deadline_is_ended(harness: Harness) -> None:
    late = replace(a_job(), wake_at=harness.clock.at + timing.JOB_LIMIT - MINUTE)
    harness.jobs.put(late)
    harness.clock.move(timing.JOB_LIMIT)

    harness.sweep()
    (task,) = harness.queue.tasks
    harness.advance(task.job_id, from_starts_queue=task.queue is TaskQueue.STARTS)

    assert harness.job.is_final


def test_paid_jobs_are_enqueued_before_all_starts(harness: Harness) -> None:
    waiting(harness, 2 * PAGE_SIZE + 1)
    paid = replace(running(a_job(), ProviderId.RUNWAY), job_id="paid")
    harness.jobs.put(replace(paid, wake_at=harness.clock.at + MINUTE))
    harness.clock.move(MAX_START_WAIT + MINUTE)

    assert harness.sweep() == 2 * PAGE_SIZE + 2
    assert harness.queue.tasks[0].job_id == "paid"
    assert len(harness.queue.tasks) == 2 * PAGE_SIZE + 2


@dataclass(kw_only=True)
class SlowQueue(FakeQueue):
    """Each call takes time; `WAKE_WORKERS` of them run concurrently."""

    clock: FrozenClock
    call: timedelta
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        super().__init__()

    def enqueue(self, task: Task) -> None:
        with self.lock:
            super().enqueue(task)
            self.clock.move(self.call / WAKE_WORKERS)

    @property
    def woken(self) -> set[str]:
        return {task.job_id for task in self.tasks}


def test_starts_are_enqueued_only_until_the_round_is_out_of_time() -> None:
    clock = FrozenClock()
    queue = SlowQueue(clock=clock, call=WAKE_WORKERS * ROUND_LIMIT / PAGE_SIZE)
    harness = Harness(clock=clock, queue=queue)
    waiting(harness, PAGE_SIZE + 1)
    clock.move(MAX_START_WAIT + MINUTE)

    harness.sweep()

    assert len(queue.woken) == PAGE_SIZE


def sweep_every_minute(harness: Harness, minutes: int) -> list[int]:
    began, woken = harness.clock.at, []
    for nth in range(minutes):
        harness.clock.move_to(began + nth * MINUTE)
        woken.append(harness.sweep())
    return woken


def test_15000_stuck_jobs_are_enqueued_within_five_minutes() -> None:
    clock = FrozenClock()
    queue = SlowQueue(clock=clock, call=timedelta(milliseconds=300))
    harness = Harness(clock=clock, queue=queue)
    stuck = a_new_job()
    for nth in range(15_000):
        harness.jobs.put(replace(stuck, job_id=f"job{nth}"))
    clock.move(MINUTE)

    with capture_logs():  # it would print 15,000 lines
        sweep_every_minute(harness, 4)

    assert len(queue.woken) == 15_000
    assert clock.at <= NOON + 5 * MINUTE


def test_a_sweep_continues_where_the_last_one_ran_out_of_time() -> None:
    """The jobs stay overdue, as while the steps queue is paused."""
    clock = FrozenClock()
    queue = SlowQueue(clock=clock, call=WAKE_WORKERS * ROUND_LIMIT / PAGE_SIZE)
    harness = Harness(clock=clock, queue=queue)
    for nth in range(2 * PAGE_SIZE + 1):
        harness.jobs.put(a_new_job(job_id=f"job{nth}"))
    clock.move(MINUTE)

    assert sweep_every_minute(harness, 3) == [PAGE_SIZE, PAGE_SIZE, 1]
    assert len(queue.woken) == 2 * PAGE_SIZE + 1


@pytest.mark.parametrize(("minutes", "is_skipped"), [(9, False), (10, True)])
def test_an_audit_counts_as_skipped_once_it_has_failed_for_ten_minutes(
    harness: Harness, minutes: int, is_skipped: bool
) -> None:
    """One failure is retried a minute later, and is no reason for an alert."""
    failures = [Unreachable("down"), None, *[Unreachable("down")] * (minutes + 1)]

    def audit() -> int:
        if failure := failures.pop(0):
            raise failure
        return 0

    harness.audit_ledger = audit
    with capture_logs() as lines:
        while failures:
            harness.sweep()
            harness.clock.move(MINUTE)

    skipped = [line for line in lines if line["event"] == "ledger_not_checked"]
    assert len(skipped) == is_skipped


@pytest.mark.parametrize("failures", [[], [Unreachable("down")]], ids=["", "down"])
def test_a_silent_budget_is_reported_whenever_the_ledger_is_audited(
    harness: Harness, failures: list[Unreachable]
) -> None:
    seen: list[datetime] = []

    def report(now: datetime) -> None:
        seen.append(now)
        for failure in failures:
            raise failure

    harness.sweeper.report_silence = report
    sweep_every_minute(harness, 62)

    assert seen == [NOON, NOON + 60 * MINUTE]


def test_the_ledger_is_audited_hourly_and_after_failures(harness: Harness) -> None:
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
