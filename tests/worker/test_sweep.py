"""What got stuck is woken, under names not yet used."""

from datetime import timedelta

import pytest

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.naming import task_name
from shared.jobs.schedule import nth_retry
from tests.domain.examples import MINUTE, SECOND, a_job, a_new_job, completed
from tests.usecases.harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


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


def test_a_stuck_job_is_woken_under_a_new_name_each_time() -> None:
    harness = Harness()
    harness.jobs.put(a_job())
    for _ in range(9):
        harness.sweep()
        harness.clock.move(MINUTE)

    names = [wake.name for wake in harness.queue.wakes]
    assert names == [task_name("job1", 1, n) for n in (1, 2, 3, 4)]
    assert not any(wake.is_start for wake in harness.queue.wakes)


def test_only_jobs_that_are_overdue_are_woken() -> None:
    harness = Harness()
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))
    harness.jobs.put(a_new_job(job_id="old", at=harness.clock.at - 5 * MINUTE))
    harness.jobs.put(a_new_job(job_id="young", at=harness.clock.at - 50 * SECOND))

    assert harness.sweep() == 1
    assert [wake.job_id for wake in harness.queue.wakes] == ["old"]


def test_a_job_that_nobody_can_read_ends_after_its_deadline(harness: Harness) -> None:
    job = harness.jobs.put(a_new_job()).value
    harness.jobs.unreadable.add(job.job_id)

    harness.clock.move(timing.JOB_LIMIT - SECOND)
    harness.sweep()
    assert not harness.jobs.get(job.job_id).value.is_final
    harness.clock.move(2 * SECOND)
    harness.sweep()

    ended = harness.jobs.get(job.job_id).value
    assert ended.problem and ended.problem.code is ErrorCode.DEADLINE_EXCEEDED


def test_a_job_that_can_be_read_is_woken_until_past_all_limits(
    harness: Harness,
) -> None:
    job = harness.jobs.put(a_new_job()).value

    harness.clock.move(timing.JOB_LIMIT + timing.STORE_LIMIT)
    assert harness.sweep() == 1
    harness.clock.move(timing.ATTEMPT_LIMIT)

    assert harness.sweep() == 0
    assert harness.jobs.get(job.job_id).value.is_final


def test_one_poison_job_slows_no_other(harness: Harness) -> None:
    for name in ("poison", "good"):
        harness.jobs.put(a_new_job(job_id=name))
    harness.jobs.unreadable.add("poison")
    harness.clock.move(timing.JOB_LIMIT)

    harness.sweep()

    assert [wake.job_id for wake in harness.queue.wakes] == ["good"]


@pytest.mark.parametrize(("minutes", "looks"), [(0, 1), (1, 0), (59, 0), (60, 1)])
def test_the_ledger_is_looked_at_once_an_hour(
    harness: Harness, minutes: int, looks: int
) -> None:
    looked: list[bool] = []

    def look() -> int:
        looked.append(True)
        return 0

    harness.balance = look
    harness.clock.move(minutes * MINUTE)

    harness.sweep()

    assert len(looked) == looks


def test_a_ledger_that_can_not_be_read_keeps_no_job_asleep(harness: Harness) -> None:
    def unread() -> int:
        raise Unreachable("down")

    harness.balance = unread
    harness.jobs.put(a_job())
    harness.clock.move(timedelta(hours=1))

    assert harness.sweep() == 1
