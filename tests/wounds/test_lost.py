"""Users wish: "Don't lose what I paid for"."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import Unreachable
from shared.domain.outcomes import Accepted, Missed, Succeeded, Unknown
from shared.ports import InlineFile, WebFile
from tests.domain.examples import NOON, a_job, a_new_job, running, states, storing
from tests.fakes.jobs import Trouble
from tests.usecases.stage import Stage
from tests.wounds.asking import deliver, take

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


def test_varghq_sdk_92_the_task_id_is_saved_before_anybody_waits(stage: Stage) -> None:
    stage.jobs.put(a_job())
    stage.links[RUNWAY].submissions = [Accepted(task_id="precious")]

    stage.step()

    assert stage.job.attempts[0].task_id == "precious"
    assert stage.links[RUNWAY].asked == []


def test_varghq_sdk_93_the_task_id_outlives_a_store_that_fails(stage: Stage) -> None:
    stage.jobs.put(a_job())

    def trouble() -> None:
        stage.jobs.troubles = [Trouble.UNREACHABLE, Trouble.NOT_APPLIED] * 3

    stage.links[RUNWAY].during_start = trouble
    stage.step()

    assert stage.job.attempts[0].task_id == "task1"


def test_arcreel_640_after_a_restart_the_paid_task_is_followed(stage: Stage) -> None:
    stage.jobs.put(running(a_job(), RUNWAY))
    deliver(stage)

    job = stage.run()

    assert states(job) == [("runway", "succeeded")]
    assert stage.links[RUNWAY].asked[0].task_id == "task-runway"
    assert stage.starts == 0


def test_arcreel_647_resuming_needs_neither_the_picture_nor_the_queue(
    stage: Stage,
) -> None:
    stage.jobs.put(running(a_job(), RUNWAY))
    deliver(stage)
    stage.bucket.objects.clear()
    stage.web.bodies.clear()
    stage.queue.wakes.clear()

    assert stage.run().delivered
    assert stage.starts == 0


def test_sora_extend_enhanced_2_a_dead_link_is_asked_for_anew(stage: Stage) -> None:
    stage.jobs.put(storing(a_job(), RUNWAY))
    stage.links[RUNWAY].result = WebFile(url="https://cdn.example/expired")
    stage.step()
    assert not stage.job.is_final

    stage.links[RUNWAY].result = WebFile(url="https://cdn.example/fresh")
    stage.web.bodies["https://cdn.example/fresh"] = b"an mp4"

    assert stage.run().delivered
    assert stage.starts == 0


def test_sora_extend_enhanced_2_storing_outlives_the_deadline(stage: Stage) -> None:
    job = storing(a_job(), RUNWAY)
    stage.jobs.put(job)
    stage.clock.at = job.deadline_at + timedelta(hours=1)

    assert stage.step().delivered


def test_3dstreet_1783_a_dropped_answer_does_not_lose_what_was_made(
    stage: Stage,
) -> None:
    stage.jobs.put(a_job(chain=(VEO,)))
    stage.links[VEO].submissions = [Unknown(detail="the connection dropped")]
    stage.step()
    folder = stage.links[VEO].orders[0].output_uri.removeprefix("gs://bucket/")
    stage.bucket.objects[folder + "sample_0.mp4"] = b"paid for"

    assert stage.run().delivered
    assert stage.bucket.objects["videos/ann/job1.mp4"] == b"paid for"
    assert stage.starts == 1


def test_tensorrt_llm_13635_the_job_is_stored_before_the_work(stage: Stage) -> None:
    stage.queue.failures = [Unreachable("down")]
    job = take(stage)
    assert stage.jobs.all == [job]
    assert stage.starts == 0

    stage.jobs.put(a_new_job())
    seen: list[list[tuple[str, str]]] = []
    stage.links[RUNWAY].during_start = lambda: seen.append(states(stage.job))
    stage.step()
    stage.step()

    assert seen == [[("runway", "starting")]]


def test_puter_3730_a_failed_poll_is_a_missed_poll(stage: Stage) -> None:
    stage.jobs.put(replace(running(a_job(), RUNWAY), wake_at=NOON))
    stage.links[RUNWAY].polls = [Missed(detail="502"), Succeeded()]
    stage.links[RUNWAY].result = InlineFile(content=b"late, and mine")

    after = stage.step()

    assert states(after) == [("runway", "running")]
    assert after.attempts[0].missed_polls == 1
    assert states(stage.run()) == [("runway", "succeeded")]
