"""Users wish: "Don't charge me twice"."""

import pytest

from shared.domain import timing
from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.outcomes import Unknown
from shared.ports.providers import InlineFile
from tests.domain.examples import SECOND, a_job, a_new_job, started, states, storing
from tests.fakes.jobs import Trouble
from tests.providers.provider_cases import (
    PROVIDERS,
    ProviderCase,
    order,
)
from tests.providers.vendor_server import Conduct, Reply, vendor
from tests.regressions.asking import (
    deliver,
    take,
)
from tests.usecases.harness import Harness

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN
NO_ANSWER = Unknown(detail="read timeout")


def test_comfyui_16204_one_click_is_one_paid_submission(harness: Harness) -> None:
    jobs = {take(harness, key="one click").job_id for _ in range(4)}
    deliver(harness)
    while wake := harness.queue.take():
        harness.clock.move_to(wake.at)
        for _ in range(4):
            harness.advance(wake.job_id, from_starts_queue=wake.is_start)

    assert len(jobs) == len(harness.jobs.all) == 1
    assert harness.jobs.all[0].delivered
    assert harness.starts == 1


def test_lovart_skill_8_an_unclear_commit_leads_to_one_paid_job(
    harness: Harness,
) -> None:
    harness.jobs.troubles = [Trouble.APPLIED]

    first, again = take(harness, key="k1"), take(harness, key="k1")

    assert first.job_id == again.job_id
    assert len(harness.jobs.all) == len(harness.queue.wakes) == 1


def test_arcreel_687_two_workers_on_one_job_pay_once(harness: Harness) -> None:
    before = harness.jobs.put(a_job())

    harness.starting.start(before, before.value.chain[0])
    harness.starting.start(before, before.value.chain[0])

    assert harness.starts == 1
    assert states(harness.job) == [("runway", "running")]


@pytest.mark.parametrize("provider_id", PROVIDERS, ids=lambda case: case.name)
def test_arcreel_793_a_create_that_times_out_is_not_sent_again(
    provider_id: ProviderCase,
) -> None:
    with vendor(Reply(conduct=Conduct.HANG)) as server:
        outcome = provider_id.make(server.url, read_seconds=0.2).start(
            order(provider_id)
        )

    assert isinstance(outcome, Unknown)
    assert len(server.posts()) == 1


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("provider_id", PROVIDERS, ids=lambda case: case.name)
def test_vercel_ai_18384_no_client_repeats_a_paid_post_on_an_error(
    provider_id: ProviderCase, status: int
) -> None:
    with vendor(Reply(status=status, body=provider_id.error(status))) as server:
        provider_id.make(server.url).start(order(provider_id))

    assert len(server.received) == 1


def test_open_ai_canvas_492_repeating_a_download_creates_nothing(
    harness: Harness,
) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    harness.providers[RUNWAY].result = Unreachable("503")
    harness.step()
    assert not harness.job.is_final
    harness.providers[RUNWAY].result = InlineFile(content=b"an mp4")

    assert harness.run().delivered
    assert harness.starts == 0


def test_elizaos_19302_an_unknown_submission_is_its_own_state(harness: Harness) -> None:
    harness.jobs.put(a_new_job(stop_on_unknown=True))
    harness.providers[RUNWAY].submissions = [NO_ANSWER]

    job = harness.run()

    assert states(job) == [("runway", "unknown")]
    assert job.problem and job.problem.code is ErrorCode.SUBMISSION_UNKNOWN
    assert job.cost_usd == job.attempts[0].price_usd


def test_elizaos_24661_an_unknown_submission_bars_its_vendor(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.providers[RUNWAY].submissions = [NO_ANSWER]
    deliver(harness, VEO)

    job = harness.run()

    assert [state for _, state in states(job)] == ["unknown", "skipped", "succeeded"]
    assert (harness.providers[RUNWAY].starts, harness.providers[HTTP].starts) == (1, 0)


def test_elizaos_24661_a_crash_during_the_post_is_an_unknown(harness: Harness) -> None:
    harness.jobs.put(started(a_job(), RUNWAY))
    harness.clock.move(timing.LEASE + SECOND)
    deliver(harness, VEO)

    job = harness.run()

    assert states(job)[0] == ("runway", "unknown")
    assert (harness.providers[RUNWAY].starts, harness.providers[HTTP].starts) == (0, 0)
