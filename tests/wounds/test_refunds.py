"""Users wish: "Refund once, and not while the vendor may still bill"."""

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, LostRace, Problem
from shared.domain.job import AttemptState
from shared.domain.outcomes import Accepted, Failed, Rejected, Submission, Unknown
from tests.domain.examples import FAULT, a_job, a_new_job, running, states
from tests.providers.links import OPERATION
from tests.providers.links import VEO as VEO_CASE
from tests.providers.vendor_server import Reply, vendor
from tests.usecases.stage import Stage
from tests.wounds.asking import booked, cancel, deliver, hold, look

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN
REFUSED = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED))


def test_elizaos_11862_a_failed_job_is_refunded_once(stage: Stage) -> None:
    hold(stage, a_new_job())
    for provider in stage.links.values():
        provider.submissions = [REFUSED]

    job = stage.run()
    once = booked(stage)
    stage.step()
    stage.sweep()

    assert job.cost_usd == once.settled_usd == once.open_usd == 0
    assert once.released_usd == job.hold_usd > 0
    assert booked(stage) == once


def test_new_api_2025_two_workers_that_end_a_job_refund_once(stage: Stage) -> None:
    hold(stage, a_job())
    before = stage.jobs.get("job1")
    ended = before.job.ended(ErrorCode.CANCELLED)
    stage.jobs.commit(before, ended)

    with pytest.raises(LostRace):
        stage.jobs.commit(before, ended)

    assert booked(stage).released_usd == before.job.hold_usd
    assert booked(stage).open_usd == 0


def test_new_api_2025_a_look_days_after_the_end_books_nothing(stage: Stage) -> None:
    hold(stage, a_job())
    deliver(stage)
    ended = stage.run()
    once = booked(stage)

    stage.clock.move(timedelta(days=2))

    assert look(stage).version > ended.version
    assert booked(stage) == once
    assert stage.jobs.open_jobs["ann"] == 0


def test_new_api_6074_a_late_no_after_the_end_refunds_nothing(stage: Stage) -> None:
    hold(stage, a_job(chain=(RUNWAY,), stop_on_unknown=True))
    stage.links[RUNWAY].submissions = [REFUSED]

    def outlive() -> None:
        stage.clock.move_to(stage.job.attempts[0].lease_until)
        stage.clock.pause(2)
        stage.advance("job1", from_starts_queue=False)
        assert stage.job.is_final

    stage.links[RUNWAY].during_start = outlive
    job = stage.step()

    assert booked(stage).settled_usd == job.cost_usd == job.attempts[0].price_usd
    assert booked(stage).released_usd == 0


def test_new_api_6838_a_filtered_veo_result_is_no_success(stage: Stage) -> None:
    response = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["held back"]}
    body = {"name": OPERATION, "done": True, "response": response}
    with vendor(Reply(body=body)) as server:
        poll = VEO_CASE.make(server.url).poll(VEO_CASE.task())
    stage.jobs.put(running(a_job(chain=(VEO,)), VEO))
    stage.links[VEO].polls = [poll]

    job = stage.run()

    assert states(job) == [("gemini-veo-3.1", "failed")]
    assert job.delivered is None
    assert job.attempts[0].problem
    assert job.attempts[0].problem.code is ErrorCode.OUTPUT_FILTERED


def test_webknossos_9331_a_retry_after_a_free_no_is_charged_once(stage: Stage) -> None:
    hold(stage, a_new_job())
    stage.links[RUNWAY].submissions = [REFUSED]
    deliver(stage, VEO)

    job = stage.run()

    costs = {a.link: a.cost_usd for a in job.attempts if a.cost_usd}
    assert costs == {VEO: job.chain[2].price_usd}
    assert booked(stage).settled_usd == job.cost_usd
    assert booked(stage).open_usd == 0


@pytest.mark.parametrize(
    "submission",
    [Unknown(detail="no answer"), Accepted(task_id="t")],
    ids=["unknown", "never ends"],
)
def test_webknossos_9331_nothing_is_refunded_while_the_vendor_may_bill(
    stage: Stage, submission: Submission
) -> None:
    hold(stage, a_job(chain=(RUNWAY,)))
    stage.links[RUNWAY].submissions = [submission]

    job = stage.run()

    assert job.problem
    assert booked(stage).settled_usd == job.attempts[0].price_usd > 0
    assert booked(stage).open_usd == 0


def test_webknossos_9331_a_cancel_after_the_start_stays_spent(stage: Stage) -> None:
    hold(stage, running(a_job(chain=(RUNWAY,)), RUNWAY))

    cancel(stage)
    job = stage.run()

    assert job.attempts[0].state is AttemptState.CANCELLED
    assert booked(stage).settled_usd == Decimal("0.40")


def test_webknossos_9331_a_failure_costs_what_the_vendor_says(stage: Stage) -> None:
    hold(stage, running(a_job(chain=(RUNWAY,)), RUNWAY))
    stage.links[RUNWAY].polls = [Failed(problem=FAULT, cost_usd=Decimal(0))]

    job = stage.run()

    assert job.cost_usd == booked(stage).settled_usd == 0
    assert booked(stage).released_usd == job.hold_usd
