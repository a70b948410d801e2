"""While new spending is paused a job waits, and ends at its deadline."""

from datetime import timedelta

from shared.domain.catalogue import ProviderId
from shared.domain.next_action import Start, Wait, next_action
from shared.domain.outcomes import Accepted, GaveUp, Parked
from shared.domain.transitions import apply, settle
from tests.domain.examples import NOON, SECOND, a_job, answered


def test_a_parked_job_is_looked_at_again_in_a_minute() -> None:
    parked = apply(a_job(), Parked(), NOON)

    assert isinstance(next_action(parked, NOON + 30 * SECOND), Wait)
    assert isinstance(next_action(parked, NOON + 61 * SECOND), Start)


def test_a_job_that_went_on_after_a_pause_is_parked_no_more() -> None:
    parked = apply(a_job(), Parked(), NOON)

    later = NOON + timedelta(minutes=2)
    running = answered(parked, ProviderId.RUNWAY, Accepted(task_id="t"), later)

    assert not running.is_parked


def test_what_is_already_asked_is_not_parked() -> None:
    running = answered(a_job(), ProviderId.RUNWAY, Accepted(task_id="t"))

    assert apply(running, Parked(), NOON + 30 * SECOND) is running
    assert settle(running, NOON) == running
    assert not isinstance(next_action(running, NOON + 30 * SECOND), GaveUp)
