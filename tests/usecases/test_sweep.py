"""What got stuck is woken, under names not yet used."""

from datetime import timedelta

import pytest

from shared.domain import limits
from shared.domain.catalogue import Link
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.naming import task_name
from shared.usecases.wake import nth_wake
from tests.domain.examples import MINUTE, SECOND, a_job, a_new_job, completed
from tests.usecases.stage import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


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
    assert nth_wake(overdue_by) == nth


def test_a_stuck_job_is_woken_under_a_new_name_each_time() -> None:
    stage = Stage()
    stage.jobs.put(a_job())
    for _ in range(9):
        stage.sweep()
        stage.clock.move(MINUTE)

    names = [wake.name for wake in stage.queue.wakes]
    assert names == [task_name("job1", 1, n) for n in (1, 2, 3, 4)]
    assert not any(wake.is_start for wake in stage.queue.wakes)


def test_only_jobs_that_are_overdue_are_woken() -> None:
    stage = Stage()
    stage.jobs.put(completed(a_job(), Link.RUNWAY))
    stage.jobs.put(a_new_job(job_id="old", at=stage.clock.at - 5 * MINUTE))
    stage.jobs.put(a_new_job(job_id="young", at=stage.clock.at - 50 * SECOND))

    assert stage.sweep() == 1
    assert [wake.job_id for wake in stage.queue.wakes] == ["old"]


def test_a_job_that_nobody_can_read_ends_after_its_deadline(stage: Stage) -> None:
    job = stage.jobs.put(a_new_job()).job
    stage.jobs.unreadable.add(job.job_id)

    stage.clock.move(limits.JOB_LIMIT - SECOND)
    stage.sweep()
    assert not stage.jobs.get(job.job_id).job.is_final
    stage.clock.move(2 * SECOND)
    stage.sweep()

    ended = stage.jobs.get(job.job_id).job
    assert ended.problem and ended.problem.code is ErrorCode.DEADLINE_EXCEEDED


def test_a_job_that_can_be_read_is_woken_until_past_all_limits(stage: Stage) -> None:
    job = stage.jobs.put(a_new_job()).job

    stage.clock.move(limits.JOB_LIMIT + limits.STORE_LIMIT)
    assert stage.sweep() == 1
    stage.clock.move(limits.ATTEMPT_LIMIT)

    assert stage.sweep() == 0
    assert stage.jobs.get(job.job_id).job.is_final


def test_one_poison_job_slows_no_other(stage: Stage) -> None:
    for name in ("poison", "good"):
        stage.jobs.put(a_new_job(job_id=name))
    stage.jobs.unreadable.add("poison")
    stage.clock.move(limits.JOB_LIMIT)

    stage.sweep()

    assert [wake.job_id for wake in stage.queue.wakes] == ["good"]


@pytest.mark.parametrize(("minutes", "looks"), [(0, 1), (1, 0), (59, 0), (60, 1)])
def test_the_ledger_is_looked_at_once_an_hour(
    stage: Stage, minutes: int, looks: int
) -> None:
    looked: list[bool] = []

    def look() -> int:
        looked.append(True)
        return 0

    stage.balance = look
    stage.clock.move(minutes * MINUTE)

    stage.sweep()

    assert len(looked) == looks


def test_a_ledger_that_can_not_be_read_keeps_no_job_asleep(stage: Stage) -> None:
    def unread() -> int:
        raise Unreachable("down")

    stage.balance = unread
    stage.jobs.put(a_job())
    stage.clock.move(timedelta(hours=1))

    assert stage.sweep() == 1
