"""What a step writes while its job is deleted does not stay."""

from collections.abc import Callable, Iterator

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.timing import PREPARE_LIMIT
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.providers import (
    Result,
    TaskRef,
    WebFile,
)
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.delete_video import DeleteVideo
from tests.domain.examples import a_job, a_new_job, storing
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann")


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    harness.bucket.objects.clear()
    return harness


def cancel(harness: Harness) -> None:
    scheduler = TaskScheduler(queue=harness.queue)
    CancelVideo(jobs=harness.jobs, committer=harness.committer, scheduler=scheduler)(
        ANN, "job1"
    )


def delete(harness: Harness) -> None:
    pause = harness.clock.pause
    DeleteVideo(
        jobs=harness.jobs, queries=harness.jobs, bucket=harness.bucket, pause=pause
    )(ANN, "job1")


def test_a_image_that_was_being_fetched_does_not_stay(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    plain = harness.web.stream

    def stream(file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        # Later than any step may take: the job no longer waits for this one.
        harness.clock.move(PREPARE_LIMIT)
        cancel(harness)
        delete(harness)
        return plain(file, most_bytes=most_bytes)

    harness.web.stream = stream  # type: ignore[method-assign] # a race, staged
    harness.advance("job1", from_starts_queue=False)

    assert harness.bucket.objects == {}


def test_a_video_that_was_being_fetched_again_does_not_stay(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), ProviderId.RUNWAY))
    provider_id = harness.providers[ProviderId.RUNWAY]
    plain = provider_id.fetch

    def fetch(task: TaskRef) -> Result:
        provider_id.fetch = plain  # type: ignore[method-assign] # once
        harness.advance("job1", from_starts_queue=False)
        delete(harness)
        return plain(task)

    provider_id.fetch = fetch  # type: ignore[method-assign] # a race, staged
    harness.advance("job1", from_starts_queue=False)

    assert harness.bucket.objects == {}


def test_nor_does_what_was_written_before_the_record_was_gone(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), ProviderId.RUNWAY))
    harness.advance("job1", from_starts_queue=False)
    plain: Callable[..., None] = harness.jobs.delete

    def remove(before: object) -> None:
        harness.bucket.objects["videos/ann/job1.mp4"] = b"by a step under way"
        plain(before)

    harness.jobs.delete = remove  # type: ignore[method-assign] # a race, staged
    delete(harness)

    assert harness.bucket.objects == {}
