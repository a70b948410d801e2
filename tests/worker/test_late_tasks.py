"""A task that its vendor named only after the next provider was asked."""

import pytest
from structlog.testing import capture_logs

from shared.domain.job import Job
from shared.domain.outcomes import Accepted, Submitted, Succeeded, Unknown
from shared.domain.transitions import apply
from shared.ports.providers import InlineFile
from tests.domain.examples import (
    HTTP,
    NOON,
    RUNWAY,
    VEO,
    a_job,
    answered,
    running,
    states,
)
from tests.usecases.harness import Harness


def named_late() -> Job:
    """Veo is making the video when Runway's answer names its task."""
    unknown = answered(a_job(chain=(RUNWAY, VEO)), RUNWAY, Unknown(detail="timeout"))
    accepted = Accepted(task_id="late", platform="old")
    late = Submitted(attempt_id=RUNWAY, submission=accepted)
    return apply(running(unknown, VEO), late, NOON)


@pytest.mark.parametrize("cancelled", [True, False, None])
def test_it_is_cancelled_once_when_another_provider_has_delivered(
    harness: Harness, cancelled: bool | None
) -> None:
    harness.jobs.put(named_late())
    harness.providers[VEO].polls = [Succeeded()]
    runway = harness.providers[RUNWAY]
    if cancelled is None:
        del harness.providers[RUNWAY], harness.providers[HTTP]
    else:
        runway.cancels = [cancelled]

    with capture_logs() as lines:
        job = harness.run()

    assert states(job) == [("runway", "unknown"), ("gemini-veo-3.1", "succeeded")]
    assert job.cost_usd == sum(attempt.full_price_usd for attempt in job.attempts)
    tasks = [(task.task_id, task.platform) for task in runway.cancelled]
    assert tasks == ([] if cancelled is None else [("late", "old")])
    assert harness.providers[VEO].cancelled == []
    (line,) = (line for line in lines if line["event"] == "late_task_cancelled")
    assert (line["job_id"], line["ai_model"]) == ("job1", "runway")
    assert line["cancelled"] is bool(cancelled)


def test_it_is_followed_and_not_cancelled_if_the_other_provider_does_not_deliver(
    harness: Harness,
) -> None:
    harness.jobs.put(named_late())
    harness.providers[RUNWAY].polls = [Succeeded()]
    veo = harness.providers[VEO]
    veo.polls, veo.result = [Succeeded()], InlineFile(content=b"bad")

    job = harness.run()

    assert states(job) == [("runway", "succeeded"), ("gemini-veo-3.1", "failed")]
    assert harness.providers[RUNWAY].cancelled == []
