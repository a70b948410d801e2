"""What got stuck is woken, under names not yet used."""

from datetime import timedelta

import pytest

from shared.domain.catalogue import Link
from shared.domain.naming import task_name
from shared.usecases.wake import nth_wake
from tests.domain.examples import MINUTE, SECOND, a_job, a_new_job, completed
from tests.usecases.stage import Stage


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
