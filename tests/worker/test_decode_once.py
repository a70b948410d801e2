"""Foreign bytes are decoded by one worker at a time; a lost one proves nothing."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import BinaryIO

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Conflict, ErrorCode, Unreachable
from shared.domain.job import Job
from shared.domain.timing import (
    CHECK_LIMIT,
    JOB_LIMIT,
    LONGEST_RETRY,
    MOST_BAD_OUTPUTS,
    MOST_PREPARE_TRIES,
    PREPARE_LIMIT,
    STORE_LIMIT,
)
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.providers import Result, TaskRef, WebFile
from shared.ports.storage import VideoFacts
from shared.ports.store import Versioned
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.delete_video import DeleteVideo
from tests.domain.examples import a_job, a_new_job, states, storing
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann")


RUNWAY, VEO = ProviderId.RUNWAY, ProviderId.VEO


class Killed(BaseException):
    """The worker's process ends here."""


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.jobs.put(a_new_job())
    return harness


def job_of(harness: Harness) -> Job:
    return harness.jobs.get("job1").value


def while_fetching(harness: Harness, act: Callable[[], object]) -> list[str]:
    """`act` happens while the image is fetched; every fetch is listed."""
    fetched: list[str] = []
    plain = harness.web.stream

    def stream(file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        fetched.append(file.url)
        act()
        return plain(file, most_bytes=most_bytes)

    harness.web.stream = stream  # type: ignore[method-assign] # a race, staged
    return fetched


def while_checking(harness: Harness, act: Callable[[], object]) -> list[int]:
    """`act` happens while the video is decoded; every decoding is listed by size."""
    checked: list[int] = []
    plain = harness.videos.inspect

    def inspect(file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        checked.append(size_bytes)
        act()
        return plain(file, size_bytes=size_bytes)

    harness.videos.inspect = inspect  # type: ignore[method-assign] # a race, staged
    return checked


def die() -> None:
    raise Killed


def step(harness: Harness) -> None:
    harness.advance("job1", from_starts_queue=False)


def cancel(harness: Harness) -> Job:
    scheduler = TaskScheduler(queue=harness.queue)
    use_case = CancelVideo(
        jobs=harness.jobs, committer=harness.committer, scheduler=scheduler
    )
    return use_case(ANN, "job1")


def test_a_task_that_comes_twice_does_not_decode_twice(harness: Harness) -> None:
    fetched = while_fetching(harness, lambda: step(harness))

    step(harness)

    assert len(fetched) == 1
    assert job_of(harness).image is not None


def test_an_image_whose_workers_die_is_tried_until_the_jobs_deadline(
    harness: Harness,
) -> None:
    fetched = while_fetching(harness, die)
    most = JOB_LIMIT // PREPARE_LIMIT
    for _ in range(most):
        with pytest.raises(Killed):
            step(harness)
        step(harness)  # delivered again at once: nothing is due
        harness.clock.move(PREPARE_LIMIT)
    step(harness)

    problem = job_of(harness).problem
    assert problem is not None and problem.code is ErrorCode.DEADLINE_EXCEEDED
    assert len(fetched) == most


def test_deaths_of_its_workers_are_not_held_against_an_image(harness: Harness) -> None:
    deaths = iter([die] * (MOST_PREPARE_TRIES + 1))
    while_fetching(harness, lambda: next(deaths, lambda: None)())
    for _ in range(MOST_PREPARE_TRIES + 1):
        with pytest.raises(Killed):
            step(harness)
        harness.clock.move(PREPARE_LIMIT)
    assert job_of(harness).prepare_tries == 0
    step(harness)

    assert job_of(harness).image is not None


def test_a_cancelled_job_keeps_its_place_until_its_step_is_over(
    harness: Harness,
) -> None:
    def cancel_and_delete() -> None:
        assert not cancel(harness).is_final
        with pytest.raises(Conflict):
            DeleteVideo(
                jobs=harness.jobs,
                queries=harness.jobs,
                bucket=harness.bucket,
                pause=harness.clock.pause,
            )(ANN, "job1")

    while_fetching(harness, cancel_and_delete)
    step(harness)

    problem = job_of(harness).problem
    assert problem is not None and problem.code is ErrorCode.CANCELLED


def test_a_film_that_two_workers_fetched_is_decoded_by_one(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    checked = while_checking(harness, lambda: step(harness))
    fetch = harness.providers[RUNWAY].fetch
    others = iter([lambda: step(harness)])

    def crowded(task: TaskRef) -> Result:
        next(others, lambda: None)()
        return fetch(task)

    harness.providers[RUNWAY].fetch = crowded  # type: ignore[method-assign] # a race
    step(harness)

    assert len(checked) == 1
    assert job_of(harness).delivered is not None


def test_a_film_outlives_every_death_of_its_workers(harness: Harness) -> None:
    """They died of other jobs: this one is paid for, and the next would cost again."""
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    deaths = iter([die] * (MOST_BAD_OUTPUTS + 1))
    while_checking(harness, lambda: next(deaths, lambda: None)())
    for _ in range(MOST_BAD_OUTPUTS + 1):
        with pytest.raises(Killed):
            step(harness)
        step(harness)  # delivered again at once: nothing is due
        until_next_try(harness)
    step(harness)

    assert states(job_of(harness)) == [("runway", "succeeded")]
    assert harness.starts == 0


def test_a_film_whose_workers_always_die_is_given_up_when_its_time_is_up(
    harness: Harness,
) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    checked = while_checking(harness, die)
    while states(job_of(harness))[0] == ("runway", "storing"):
        with pytest.raises(Killed):
            step(harness)
        until_next_try(harness)

    attempt = job_of(harness).attempts[0]
    assert attempt.problem and attempt.problem.code is ErrorCode.STORAGE_FAILED
    assert attempt.cost_usd > 0
    assert len(checked) <= STORE_LIMIT // CHECK_LIMIT


def test_a_worker_that_comes_back_after_its_time_still_delivers(
    harness: Harness,
) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))

    def freeze() -> None:
        harness.clock.move(CHECK_LIMIT)
        step(harness)

    while_checking(harness, freeze)
    step(harness)

    assert job_of(harness).delivered is not None


def die_before_stored(harness: Harness) -> None:
    """The worker copies the video to its final name, and ends before it says so."""
    plain = harness.bucket.sign_download

    def sign_download(
        name: str, *, lifetime: timedelta, disposition: str | None = None
    ) -> str:
        raise Killed

    harness.bucket.sign_download = sign_download  # type: ignore[method-assign] # a crash, staged
    with pytest.raises(Killed):
        step(harness)
    harness.bucket.sign_download = plain  # type: ignore[method-assign]
    assert "videos/ann/job1.mp4" in harness.bucket.objects


def until_next_try(harness: Harness) -> None:
    """The lost check is noticed, and the pause after it is over."""
    harness.clock.move(CHECK_LIMIT)
    step(harness)
    harness.clock.move(LONGEST_RETRY)


def test_a_video_at_its_final_name_outlives_every_death_of_its_workers(
    harness: Harness,
) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    for _ in range(MOST_BAD_OUTPUTS + 1):
        die_before_stored(harness)
        until_next_try(harness)
    step(harness)

    assert states(job_of(harness)) == [("runway", "succeeded")]
    assert harness.starts == 0


def test_a_video_at_its_final_name_outlives_commits_that_fail(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    plain = harness.jobs.commit

    def commit(before: Versioned[Job], after: Job) -> Versioned[Job]:
        if after.delivered:
            raise Unreachable("down")
        return plain(before, after)

    harness.jobs.commit = commit  # type: ignore[method-assign] # an outage, staged
    for _ in range(MOST_BAD_OUTPUTS + 1):
        with pytest.raises(Unreachable):
            step(harness)
        until_next_try(harness)
    harness.jobs.commit = plain  # type: ignore[method-assign]
    step(harness)

    assert states(job_of(harness)) == [("runway", "succeeded")]


def test_a_video_at_its_final_name_outlives_a_decoder_that_fails(
    harness: Harness,
) -> None:
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    die_before_stored(harness)
    until_next_try(harness)
    harness.videos.duration_seconds = 7.0
    for _ in range(MOST_BAD_OUTPUTS + 1):
        step(harness)
        harness.clock.move(LONGEST_RETRY)
    harness.videos.duration_seconds = 8.0
    step(harness)

    assert states(job_of(harness)) == [("runway", "succeeded")]


def test_a_video_at_its_final_name_is_not_tried_for_ever(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), RUNWAY))
    die_before_stored(harness)
    until_next_try(harness)
    while_checking(harness, die)
    harness.clock.move(STORE_LIMIT)
    with pytest.raises(Killed):
        step(harness)
    harness.clock.move(CHECK_LIMIT)
    step(harness)

    assert states(job_of(harness))[0] == ("runway", "failed")
