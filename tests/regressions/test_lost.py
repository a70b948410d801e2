"""Users wish: "Don't lose what I paid for"."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import Unreachable
from shared.domain.outcomes import Accepted, PollFailed, Succeeded, Unknown
from shared.ports.providers import (
    InlineFile,
    WebFile,
)
from tests.domain.examples import NOON, a_job, a_new_job, running, states, storing
from tests.fakes.jobs import Trouble
from tests.regressions.asking import (
    deliver,
    take,
)
from tests.usecases.harness import Harness

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


def test_varghq_sdk_92_the_task_id_is_saved_before_anybody_waits(
    harness: Harness,
) -> None:
    harness.jobs.put(a_job())
    harness.providers[RUNWAY].submissions = [Accepted(task_id="precious")]

    harness.step()

    assert harness.job.attempts[0].task_id == "precious"
    assert harness.providers[RUNWAY].asked == []


def test_varghq_sdk_93_the_task_id_outlives_a_store_that_fails(
    harness: Harness,
) -> None:
    harness.jobs.put(a_job())

    def trouble() -> None:
        harness.jobs.troubles = [Trouble.UNREACHABLE, Trouble.NOT_APPLIED] * 3

    harness.providers[RUNWAY].during_start = trouble
    harness.step()

    assert harness.job.attempts[0].task_id == "task1"


def test_arcreel_640_after_a_restart_the_paid_task_is_followed(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(), RUNWAY))
    deliver(harness)

    job = harness.run()

    assert states(job) == [("runway", "succeeded")]
    assert harness.providers[RUNWAY].asked[0].task_id == "task-runway"
    assert harness.starts == 0


def test_arcreel_647_resuming_needs_neither_the_image_nor_the_queue(
    harness: Harness,
) -> None:
    harness.jobs.put(running(a_job(), RUNWAY))
    deliver(harness)
    harness.bucket.objects.clear()
    harness.web.bodies.clear()
    harness.queue.wakes.clear()

    assert harness.run().delivered
    assert harness.starts == 0


def test_sora_extend_enhanced_2_a_dead_link_is_asked_for_anew(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    harness.providers[RUNWAY].result = WebFile(url="https://cdn.example/expired")
    harness.step()
    assert not harness.job.is_final

    harness.providers[RUNWAY].result = WebFile(url="https://cdn.example/fresh")
    harness.web.bodies["https://cdn.example/fresh"] = b"an mp4"

    assert harness.run().delivered
    assert harness.starts == 0


def test_sora_extend_enhanced_2_storing_outlives_the_deadline(harness: Harness) -> None:
    job = storing(a_job(), RUNWAY)
    harness.jobs.put(job)
    harness.clock.at = job.deadline_at + timedelta(hours=1)

    assert harness.step().delivered


def test_3dstreet_1783_a_dropped_answer_does_not_lose_what_was_made(
    harness: Harness,
) -> None:
    harness.jobs.put(a_job(chain=(VEO,)))
    harness.providers[VEO].submissions = [Unknown(detail="the connection dropped")]
    harness.step()
    folder = harness.providers[VEO].requests[0].output_uri.removeprefix("gs://bucket/")
    harness.bucket.objects[folder + "sample_0.mp4"] = b"paid for"

    assert harness.run().delivered
    assert harness.bucket.objects["videos/ann/job1.mp4"] == b"paid for"
    assert harness.starts == 1


def test_tensorrt_llm_13635_the_job_is_stored_before_the_work(harness: Harness) -> None:
    harness.queue.failures = [Unreachable("down")]
    job = take(harness)
    assert harness.jobs.all == [job]
    assert harness.starts == 0

    harness.jobs.put(a_new_job())
    seen: list[list[tuple[str, str]]] = []
    harness.providers[RUNWAY].during_start = lambda: seen.append(states(harness.job))
    harness.step()
    harness.step()

    assert seen == [[("runway", "starting")]]


def test_puter_3730_a_failed_poll_is_a_missed_poll(harness: Harness) -> None:
    harness.jobs.put(replace(running(a_job(), RUNWAY), wake_at=NOON))
    harness.providers[RUNWAY].polls = [PollFailed(detail="502"), Succeeded()]
    harness.providers[RUNWAY].result = InlineFile(content=b"late, and mine")

    after = harness.step()

    assert states(after) == [("runway", "running")]
    assert after.attempts[0].missed_polls == 1
    assert states(harness.run()) == [("runway", "succeeded")]
