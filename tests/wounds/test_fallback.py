"""Users wish: "Fall back properly", also when a task fails later."""

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Failed, Poll, Rejected, Submission, Unknown, Working
from tests.domain.examples import FAULT, a_new_job, states
from tests.usecases.stage import Stage
from tests.wounds.asking import deliver

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


def test_litellm_a_task_that_fails_later_falls_back(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    stage.links[RUNWAY].polls = [Working(), Working(), Failed(problem=FAULT)]
    deliver(stage, VEO)

    job = stage.run()

    assert states(job)[0] == ("runway", "failed")
    assert states(job)[-1] == ("gemini-veo-3.1", "succeeded")


def test_litellm_each_provider_gets_the_same_picture_in_its_form(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    no = Rejected(problem=Problem(code=ErrorCode.RATE_LIMITED))
    for provider in stage.links.values():
        provider.submissions = [no]

    stage.run()

    orders = [p.orders[0] for p in stage.links.values() if p.orders]
    assert len(orders) == len(DEFAULT_CHAIN)
    assert {order.jpeg for order in orders} == {b"jpeg of a cat"}
    assert {o.picture_uri for o in orders} == {"gs://bucket/images/job1"}


@pytest.mark.parametrize(
    ("submission", "poll"),
    [
        (Rejected(problem=Problem(code=ErrorCode.OUT_OF_CREDITS)), None),
        (Unknown(detail="no answer"), None),
        (None, Failed(problem=FAULT)),
        (None, Working()),
    ],
    ids=["no credits", "no answer", "fails later", "never ends"],
)
def test_elizaos_18518_there_is_a_second_provider(
    stage: Stage, submission: Submission | None, poll: Poll | None
) -> None:
    stage.jobs.put(a_new_job())
    stage.links[RUNWAY].submissions = [submission or stage.links[RUNWAY].submissions[0]]
    stage.links[RUNWAY].polls = [poll or Working()]
    deliver(stage, VEO)

    job = stage.run()

    assert job.delivered
    assert states(job)[-1] == ("gemini-veo-3.1", "succeeded")
