"""What a step writes while its job is deleted does not stay."""

from collections.abc import Callable, Iterator

import pytest

from shared.domain.catalogue import Link
from shared.ports import Caller, Result, TaskRef, WebFile
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.wake import Waker
from tests.domain.examples import a_job, a_new_job, storing
from tests.usecases.stage import Stage

ANN = Caller(user_id="ann")


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.bucket.objects.clear()
    return stage


def cancel(stage: Stage) -> None:
    waker = Waker(queue=stage.queue)
    CancelVideo(jobs=stage.jobs, recorder=stage.recorder, waker=waker)(ANN, "job1")


def delete(stage: Stage) -> None:
    pause = stage.clock.pause
    DeleteVideo(jobs=stage.jobs, bucket=stage.bucket, pause=pause)(ANN, "job1")


def test_a_picture_that_was_being_fetched_does_not_stay(stage: Stage) -> None:
    stage.jobs.put(a_new_job())
    plain = stage.web.stream

    def stream(file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        cancel(stage)
        delete(stage)
        return plain(file, most_bytes=most_bytes)

    stage.web.stream = stream  # type: ignore[method-assign] # a race, staged
    stage.advance("job1", from_starts_queue=False)

    assert stage.bucket.objects == {}


def test_a_video_that_was_being_fetched_again_does_not_stay(stage: Stage) -> None:
    stage.jobs.put(storing(a_job(), Link.RUNWAY))
    link = stage.links[Link.RUNWAY]
    plain = link.fetch

    def fetch(task: TaskRef) -> Result:
        link.fetch = plain  # type: ignore[method-assign] # once
        stage.advance("job1", from_starts_queue=False)
        delete(stage)
        return plain(task)

    link.fetch = fetch  # type: ignore[method-assign] # a race, staged
    stage.advance("job1", from_starts_queue=False)

    assert stage.bucket.objects == {}


def test_nor_does_what_was_written_before_the_record_was_gone(stage: Stage) -> None:
    stage.jobs.put(storing(a_job(), Link.RUNWAY))
    stage.advance("job1", from_starts_queue=False)
    plain: Callable[..., None] = stage.jobs.delete

    def remove(before: object) -> None:
        stage.bucket.objects["videos/ann/job1.mp4"] = b"by a step under way"
        plain(before)

    stage.jobs.delete = remove  # type: ignore[method-assign] # a race, staged
    delete(stage)

    assert stage.bucket.objects == {}
