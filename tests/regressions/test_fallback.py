"""Users wish: "Fall back properly", also when a task fails later."""

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Failed, Poll, Rejected, Submission, Unknown, Working
from tests.domain.examples import FAULT, a_new_job, states
from tests.regressions.asking import deliver
from tests.usecases.harness import Harness

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


def test_litellm_a_task_that_fails_later_falls_back(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.providers[RUNWAY].polls = [Working(), Working(), Failed(problem=FAULT)]
    deliver(harness, VEO)

    job = harness.run()

    assert states(job)[0] == ("runway", "failed")
    assert states(job)[-1] == ("gemini-veo-3.1", "succeeded")


def test_litellm_each_provider_gets_the_same_image_in_its_form(
    harness: Harness,
) -> None:
    harness.jobs.put(a_new_job())
    no = Rejected(problem=Problem(code=ErrorCode.RATE_LIMITED))
    for provider in harness.providers.values():
        provider.submissions = [no]

    harness.run()

    orders = [p.requests[0] for p in harness.providers.values() if p.requests]
    assert len(orders) == len(DEFAULT_CHAIN)
    assert {order.jpeg for order in orders} == {b"jpeg of a cat"}
    assert {o.image_uri for o in orders} == {"gs://bucket/images/job1"}


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
    harness: Harness, submission: Submission | None, poll: Poll | None
) -> None:
    harness.jobs.put(a_new_job())
    harness.providers[RUNWAY].submissions = [
        submission or harness.providers[RUNWAY].submissions[0]
    ]
    harness.providers[RUNWAY].polls = [poll or Working()]
    deliver(harness, VEO)

    job = harness.run()

    assert job.delivered
    assert states(job)[-1] == ("gemini-veo-3.1", "succeeded")
