"""What a late answer named is paid for: it is looked at before its job ends."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import AttemptState, Job
from shared.domain.next_action import (
    Ask,
    LookForOutput,
    next_action,
)
from shared.domain.outcomes import Accepted, GaveUp, Submitted, Unknown
from shared.domain.transitions import apply, settle
from tests.domain.examples import NOON, SECOND, a_job, answered

LATE = Submitted(
    attempt_id=str(ProviderId.RUNWAY), submission=Accepted(task_id="task-1")
)


def _unknown() -> Job:
    """Runway did not answer; Veo is next."""
    job = a_job(chain=(ProviderId.RUNWAY, ProviderId.VEO))
    return answered(job, ProviderId.RUNWAY, Unknown(detail="no answer"))


@pytest.mark.parametrize(
    "about_to_end",
    [
        pytest.param(
            lambda job: replace(job, cancel_requested_at=NOON), id="cancelled"
        ),
        pytest.param(lambda job: replace(job, deadline_at=NOON), id="out of time"),
        pytest.param(lambda job: replace(job, stop_on_unknown=True), id="stopping"),
    ],
)
def test_a_late_task_is_asked_about_before_the_job_ends(
    about_to_end: Callable[[Job], Job],
) -> None:
    late = settle(apply(about_to_end(_unknown()), LATE, NOON), NOON)

    action = next_action(late, NOON + 6 * SECOND)

    assert late.attempts[0].state is AttemptState.RUNNING
    assert isinstance(action, Ask)


def test_a_decision_to_give_up_is_dropped_where_a_late_answer_came_first() -> None:
    late = apply(_unknown(), LATE, NOON)

    assert apply(late, GaveUp(code=ErrorCode.ALL_PROVIDERS_FAILED), NOON) is late


def test_a_job_that_stops_on_unknown_looks_for_the_file_first() -> None:
    job = a_job(stop_on_unknown=True, chain=(ProviderId.VEO, ProviderId.OMNI))

    job = answered(job, ProviderId.VEO, Unknown(detail="no answer"))

    assert isinstance(next_action(job, NOON), LookForOutput)
