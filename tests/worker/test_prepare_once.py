"""An image is decoded by one worker at a time, and a few times at most."""

from collections.abc import Callable, Iterator

import pytest

from shared.domain.errors import Conflict, ErrorCode
from shared.domain.job import Job
from shared.domain.timing import MOST_PREPARE_TRIES, PREPARE_LIMIT
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.providers import WebFile
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.delete_video import DeleteVideo
from tests.domain.examples import a_new_job
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann")


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


def test_an_image_that_takes_its_worker_along_is_tried_a_few_times(
    harness: Harness,
) -> None:
    def die() -> None:
        raise Killed

    fetched = while_fetching(harness, die)
    for _ in range(MOST_PREPARE_TRIES):
        with pytest.raises(Killed):
            step(harness)
        step(harness)  # delivered again at once: nothing is due
        harness.clock.move(PREPARE_LIMIT)
    step(harness)

    problem = job_of(harness).problem
    assert problem is not None and problem.code is ErrorCode.IMAGE_INVALID
    assert len(fetched) == MOST_PREPARE_TRIES


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
