"""Users wish: "Don't charge me twice"."""

import pytest

from shared.domain import limits
from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.outcomes import Unknown
from shared.ports import InlineFile
from tests.domain.examples import SECOND, a_job, a_new_job, started, states, storing
from tests.fakes.jobs import Trouble
from tests.providers.links import LINKS, LinkCase, order
from tests.providers.vendor_server import Conduct, Reply, vendor
from tests.usecases.stage import Stage
from tests.wounds.asking import deliver, take

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN
NO_ANSWER = Unknown(detail="read timeout")


def test_comfyui_16204_one_click_is_one_paid_submission(stage: Stage) -> None:
    jobs = {take(stage, key="one click").job_id for _ in range(4)}
    deliver(stage)
    while wake := stage.queue.take():
        stage.clock.move_to(wake.at)
        for _ in range(4):
            stage.advance(wake.job_id, from_starts_queue=wake.is_start)

    assert len(jobs) == len(stage.jobs.all) == 1
    assert stage.jobs.all[0].delivered
    assert stage.starts == 1


def test_lovart_skill_8_an_unclear_commit_leads_to_one_paid_job(stage: Stage) -> None:
    stage.jobs.troubles = [Trouble.APPLIED]

    first, again = take(stage, key="k1"), take(stage, key="k1")

    assert first.job_id == again.job_id
    assert len(stage.jobs.all) == len(stage.queue.wakes) == 1


def test_arcreel_687_two_workers_on_one_job_pay_once(stage: Stage) -> None:
    before = stage.jobs.put(a_job())

    stage.starting.start(before, before.job.chain[0])
    stage.starting.start(before, before.job.chain[0])

    assert stage.starts == 1
    assert states(stage.job) == [("runway", "running")]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_arcreel_793_a_create_that_times_out_is_not_sent_again(link: LinkCase) -> None:
    with vendor(Reply(conduct=Conduct.HANG)) as server:
        outcome = link.make(server.url, read_seconds=0.2).start(order(link))

    assert isinstance(outcome, Unknown)
    assert len(server.posts()) == 1


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_vercel_ai_18384_no_client_repeats_a_paid_post_on_an_error(
    link: LinkCase, status: int
) -> None:
    with vendor(Reply(status=status, body=link.error(status))) as server:
        link.make(server.url).start(order(link))

    assert len(server.received) == 1


def test_open_ai_canvas_492_repeating_a_download_creates_nothing(stage: Stage) -> None:
    stage.jobs.put(storing(a_job(), RUNWAY))
    stage.links[RUNWAY].result = Unreachable("503")
    stage.step()
    assert not stage.job.is_final
    stage.links[RUNWAY].result = InlineFile(content=b"an mp4")

    assert stage.run().delivered
    assert stage.starts == 0


def test_elizaos_19302_an_unknown_submission_is_its_own_state(stage: Stage) -> None:
    stage.jobs.put(a_new_job(stop_on_unknown=True))
    stage.links[RUNWAY].submissions = [NO_ANSWER]

    job = stage.run()

    assert states(job) == [("runway", "unknown")]
    assert job.problem and job.problem.code is ErrorCode.SUBMISSION_UNKNOWN
    assert job.cost_usd == job.attempts[0].price_usd


def test_elizaos_24661_an_unknown_submission_bars_its_vendor(stage: Stage) -> None:
    stage.jobs.put(a_job())
    stage.links[RUNWAY].submissions = [NO_ANSWER]
    deliver(stage, VEO)

    job = stage.run()

    assert [state for _, state in states(job)] == ["unknown", "skipped", "succeeded"]
    assert (stage.links[RUNWAY].starts, stage.links[HTTP].starts) == (1, 0)


def test_elizaos_24661_a_crash_during_the_post_is_an_unknown(stage: Stage) -> None:
    stage.jobs.put(started(a_job(), RUNWAY))
    stage.clock.move(limits.LEASE + SECOND)
    deliver(stage, VEO)

    job = stage.run()

    assert states(job)[0] == ("runway", "unknown")
    assert (stage.links[RUNWAY].starts, stage.links[HTTP].starts) == (0, 0)
