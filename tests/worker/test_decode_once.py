"""Images and videos are decoded by one worker at a time.

A worker that dies while it decodes proves nothing about the file.
"""

from typing import BinaryIO

import pytest

from shared.domain.delivery import VideoFacts
from shared.domain.errors import Conflict, ErrorCode, TaskGone, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import Succeeded
from shared.domain.structs import replace
from shared.domain.timing import (
    CHECK_LIMIT,
    JOB_LIMIT,
    MAX_BACKOFF,
    MAX_BAD_OUTPUTS,
    MAX_LOST_CHECKS,
    MAX_PREPARE_TRIES,
    PREPARE_LIMIT,
    STORE_LIMIT,
)
from shared.ports.providers import InlineFile
from shared.ports.store import Versioned
from tests.domain.examples import RUNWAY, SECOND, VEO, a_job, a_new_job, states, storing
from tests.fakes.interpose import before, before_next
from tests.fakes.process import Died, die
from tests.usecases.harness import ANN, Harness


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.jobs.put(a_new_job())
    return harness


def test_an_image_is_tried_until_the_jobs_deadline(harness: Harness) -> None:
    fetched = before(harness.web, "stream", die)
    most = JOB_LIMIT // PREPARE_LIMIT
    for _ in range(most):
        with pytest.raises(Died):
            harness.step()
        harness.step()  # delivered again at once: nothing is due
        harness.clock.move(PREPARE_LIMIT)
    harness.step()

    problem = harness.job.problem
    assert problem is not None and problem.code is ErrorCode.DEADLINE_EXCEEDED
    assert len(fetched) == most


def test_workers_that_die_do_not_count_against_an_image(harness: Harness) -> None:
    before_next(harness.web, "stream", *[die] * (MAX_PREPARE_TRIES + 1))
    for _ in range(MAX_PREPARE_TRIES + 1):
        with pytest.raises(Died):
            harness.step()
        harness.clock.move(PREPARE_LIMIT)
    assert harness.job.prepare_tries == 0
    harness.step()

    assert harness.job.image is not None


def test_a_cancelled_job_stays_open_until_its_step_is_over(harness: Harness) -> None:
    def cancel_and_delete() -> None:
        assert not harness.cancel_video(ANN, "job1").is_final
        with pytest.raises(Conflict):
            harness.delete_video(ANN, "job1")

    before(harness.web, "stream", cancel_and_delete)
    harness.step()

    problem = harness.job.problem
    assert problem is not None and problem.code is ErrorCode.CANCELLED


def test_a_video_that_two_workers_fetched_is_decoded_by_one(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    checked = before(harness.videos, "inspect", harness.step)
    before_next(harness.providers[RUNWAY], "fetch", harness.step)
    harness.step()

    assert len(checked) == 1
    assert harness.job.delivered is not None


def test_a_video_survives_workers_that_die_checking_it(harness: Harness) -> None:
    """Other jobs may have killed them; this video is paid for, another costs again."""
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    before_next(harness.videos, "inspect", *[die] * (MAX_BAD_OUTPUTS + 1))
    for _ in range(MAX_BAD_OUTPUTS + 1):
        with pytest.raises(Died):
            harness.step()
        harness.step()  # delivered again at once: nothing is due
        until_next_try(harness)
    harness.step()

    assert states(harness.job) == [("runway", "succeeded")]
    assert harness.starts == 0


def test_a_video_whose_workers_always_die_is_given_up_in_time(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    checked = before(harness.videos, "inspect", die)
    while states(harness.job)[0] == ("runway", "storing"):
        with pytest.raises(Died):
            harness.step()
        until_next_try(harness)

    attempt = harness.job.attempts[0]
    assert attempt.problem and attempt.problem.code is ErrorCode.STORAGE_FAILED
    assert attempt.cost_usd > 0
    assert len(checked) == MAX_LOST_CHECKS


def test_a_worker_that_resumes_after_its_limit_still_delivers(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))

    def freeze() -> None:
        harness.clock.move(CHECK_LIMIT)
        harness.step()

    before(harness.videos, "inspect", freeze)
    harness.step()

    assert harness.job.delivered is not None


def test_a_worker_that_resumes_too_late_spoils_no_later_attempts_video(
    harness: Harness,
) -> None:
    """It stores its video after its attempt was given up."""
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO), duration=5), RUNWAY))
    runway, veo = harness.providers[RUNWAY], harness.providers[VEO]
    veo.polls, veo.result = [Succeeded()], InlineFile(content=b"of veo")

    def freeze() -> None:
        runway.result = TaskGone("404")
        harness.clock.move(CHECK_LIMIT)
        while states(harness.job)[-1] != ("gemini-veo-3.1", "storing"):
            harness.advance("job1", from_starts_queue=True)
            harness.clock.move(SECOND)

    plain, frozen = harness.videos.inspect, iter([freeze])

    def inspect(file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        facts = plain(file, size_bytes=size_bytes)
        file.seek(0)
        seconds = 6.0 if file.read() == b"of veo" else 5.0
        next(frozen, lambda: None)()
        return replace(facts, duration_seconds=seconds)

    harness.videos.inspect = inspect  # type: ignore[method-assign] # a race, staged
    harness.step()
    job = harness.run()

    assert states(job) == [("runway", "failed"), ("gemini-veo-3.1", "succeeded")]
    assert job.delivered
    assert harness.bucket.objects[job.delivered.object_name] == b"of veo"


def die_before_stored(harness: Harness) -> None:
    """The worker copies the video to its final name, and dies before the commit."""
    before_next(harness.bucket, "sign_download", die)
    with pytest.raises(Died):
        harness.step()
    assert "videos/ann/job1/runway.mp4" in harness.bucket.objects


def until_next_try(harness: Harness) -> None:
    """Let the lost check expire, and the pause after it pass."""
    harness.clock.move(CHECK_LIMIT)
    harness.step()
    harness.clock.move(MAX_BACKOFF)


def test_a_video_at_its_final_name_survives_workers_that_die(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    for _ in range(MAX_LOST_CHECKS + 1):
        die_before_stored(harness)
        until_next_try(harness)
    harness.step()

    assert states(harness.job) == [("runway", "succeeded")]
    assert harness.starts == 0


def test_a_video_at_its_final_name_survives_failed_commits(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    plain = harness.jobs.commit

    def commit(before: Versioned[Job], after: Job) -> Versioned[Job]:
        if after.delivered:
            raise Unreachable("down")
        return plain(before, after)

    harness.jobs.commit = commit  # type: ignore[method-assign] # a simulated outage
    for _ in range(MAX_BAD_OUTPUTS + 1):
        with pytest.raises(Unreachable):
            harness.step()
        until_next_try(harness)
    harness.jobs.commit = plain  # type: ignore[method-assign]
    harness.step()

    assert states(harness.job) == [("runway", "succeeded")]


def test_a_video_at_its_final_name_survives_failed_checks(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    die_before_stored(harness)
    until_next_try(harness)
    harness.videos.duration_seconds = 7.0
    for _ in range(MAX_BAD_OUTPUTS + 1):
        harness.step()
        harness.clock.move(MAX_BACKOFF)
    harness.videos.duration_seconds = 8.0
    harness.step()

    assert states(harness.job) == [("runway", "succeeded")]


def test_a_video_at_its_final_name_is_not_tried_forever(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    die_before_stored(harness)
    until_next_try(harness)
    before(harness.videos, "inspect", die)
    harness.clock.move(STORE_LIMIT)
    with pytest.raises(Died):
        harness.step()
    harness.clock.move(CHECK_LIMIT)
    harness.step()

    assert states(harness.job)[0] == ("runway", "failed")
