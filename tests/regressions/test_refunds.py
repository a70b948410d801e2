"""Users wish: "Refund once, and not while the vendor may still bill"."""

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, LostRace, Problem
from shared.domain.job import AttemptState
from shared.domain.outcomes import Accepted, Failed, Rejected, Submission, Unknown
from tests.domain.examples import FAULT, a_job, a_new_job, running, states
from tests.providers.provider_cases import OPERATION
from tests.providers.provider_cases import VEO as VEO_CASE
from tests.providers.vendor_server import Reply, vendor
from tests.regressions.asking import (
    booked,
    cancel,
    deliver,
    hold,
    look,
)
from tests.usecases.harness import Harness

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN
REFUSED = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED))


def test_elizaos_11862_a_failed_job_is_refunded_once(harness: Harness) -> None:
    hold(harness, a_new_job())
    for provider in harness.providers.values():
        provider.submissions = [REFUSED]

    job = harness.run()
    once = booked(harness)
    harness.step()
    harness.sweep()

    assert job.cost_usd == once.settled_usd == once.open_usd == 0
    assert once.released_usd == job.hold_usd > 0
    assert booked(harness) == once


def test_new_api_2025_two_workers_that_end_a_job_refund_once(harness: Harness) -> None:
    hold(harness, a_job())
    before = harness.jobs.get("job1")
    ended = before.value.ended(ErrorCode.CANCELLED)
    harness.jobs.commit(before, ended)

    with pytest.raises(LostRace):
        harness.jobs.commit(before, ended)

    assert booked(harness).released_usd == before.value.hold_usd
    assert booked(harness).open_usd == 0


def test_new_api_2025_a_look_days_after_the_end_books_nothing(harness: Harness) -> None:
    hold(harness, a_job())
    deliver(harness)
    ended = harness.run()
    once = booked(harness)

    harness.clock.move(timedelta(days=2))

    assert look(harness).version > ended.version
    assert booked(harness) == once
    assert harness.jobs.open_jobs["ann"] == 0


def test_new_api_6074_a_late_no_after_the_end_refunds_nothing(harness: Harness) -> None:
    hold(harness, a_job(chain=(RUNWAY,), stop_on_unknown=True))
    harness.providers[RUNWAY].submissions = [REFUSED]

    def outlive() -> None:
        harness.clock.move_to(harness.job.attempts[0].lease_until)
        harness.clock.pause(2)
        harness.advance("job1", from_starts_queue=False)
        assert harness.job.is_final

    harness.providers[RUNWAY].during_start = outlive
    job = harness.step()

    assert booked(harness).settled_usd == job.cost_usd == job.attempts[0].price_usd
    assert booked(harness).released_usd == 0


def test_new_api_6838_a_filtered_veo_result_is_no_success(harness: Harness) -> None:
    response = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["held back"]}
    body = {"name": OPERATION, "done": True, "response": response}
    with vendor(Reply(body=body)) as server:
        poll = VEO_CASE.make(server.url).poll(VEO_CASE.task())
    harness.jobs.put(running(a_job(chain=(VEO,)), VEO))
    harness.providers[VEO].polls = [poll]

    job = harness.run()

    assert states(job) == [("gemini-veo-3.1", "failed")]
    assert job.delivered is None
    assert job.attempts[0].problem
    assert job.attempts[0].problem.code is ErrorCode.OUTPUT_FILTERED


def test_webknossos_9331_a_retry_after_a_free_no_is_charged_once(
    harness: Harness,
) -> None:
    hold(harness, a_new_job())
    harness.providers[RUNWAY].submissions = [REFUSED]
    deliver(harness, VEO)

    job = harness.run()

    costs = {a.provider_id: a.cost_usd for a in job.attempts if a.cost_usd}
    assert costs == {VEO: job.chain[2].price_usd}
    assert booked(harness).settled_usd == job.cost_usd
    assert booked(harness).open_usd == 0


@pytest.mark.parametrize(
    "submission",
    [Unknown(detail="no answer"), Accepted(task_id="t")],
    ids=["unknown", "never ends"],
)
def test_webknossos_9331_nothing_is_refunded_while_the_vendor_may_bill(
    harness: Harness, submission: Submission
) -> None:
    hold(harness, a_job(chain=(RUNWAY,)))
    harness.providers[RUNWAY].submissions = [submission]

    job = harness.run()

    assert job.problem
    assert booked(harness).settled_usd == job.attempts[0].price_usd > 0
    assert booked(harness).open_usd == 0


def test_webknossos_9331_a_cancel_after_the_start_stays_spent(harness: Harness) -> None:
    hold(harness, running(a_job(chain=(RUNWAY,)), RUNWAY))

    cancel(harness)
    job = harness.run()

    assert job.attempts[0].state is AttemptState.CANCELLED
    assert booked(harness).settled_usd == Decimal("0.40")


def test_webknossos_9331_a_failure_costs_what_the_vendor_says(harness: Harness) -> None:
    hold(harness, running(a_job(chain=(RUNWAY,)), RUNWAY))
    harness.providers[RUNWAY].polls = [Failed(problem=FAULT, cost_usd=Decimal(0))]

    job = harness.run()

    assert job.cost_usd == booked(harness).settled_usd == 0
    assert booked(harness).released_usd == job.hold_usd
