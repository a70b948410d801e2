"""A deleted job is gone with its files, however the deletion is interrupted."""

from collections.abc import Callable, Iterator

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Conflict, ErrorCode, NotFound, Unreachable
from shared.domain.job import Job
from shared.domain.structs import replace
from shared.domain.timing import PREPARE_LIMIT
from shared.jobs.commit import SHORT_BACKOFF
from shared.ports.providers import Result, TaskRef, WebFile
from shared.ports.store import IdempotencyRecord
from tests.domain.examples import (
    NOON,
    a_job,
    a_new_job,
    a_request,
    completed,
    running,
    storing,
)
from tests.fakes.bucket import FakeBucket
from tests.fakes.jobs import Trouble
from tests.usecases.harness import ANN, BOB, Harness

ITS_FILES = (
    "images/job1",
    "incoming/job1/runway/fetched.mp4",
    "incoming/job1/gemini-veo-3.1/sample_0.mp4",
    "videos/ann/job1.mp4",
    "videos/ann/job1.jpg",
    "uploads/ann/up1",
)
FILES_OF_OTHERS = (
    "images/job10",
    "incoming/job10/runway/fetched.mp4",
    "videos/ann/job10.mp4",
    "videos/ann/job10.jpg",
    "videos/bob/job1.mp4",
    "uploads/ann/up10",
    "uploads/bob/up1",
)


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    for name in (*ITS_FILES, *FILES_OF_OTHERS):
        harness.bucket.objects[name] = b"x"
    return harness


def delete(harness: Harness) -> None:
    harness.delete_video(ANN, "job1")


def a_video(**fields: object) -> Job:
    asked = a_request(**{"image": "up1", "image_url": None, **fields})
    return replace(completed(a_job(), ProviderId.RUNWAY), request=asked)


@pytest.mark.parametrize(
    ("job", "stay"),
    [
        (a_video(), set()),
        (a_video().ended(ErrorCode.BAD_OUTPUT), set()),
        (completed(a_job(), ProviderId.RUNWAY), {"uploads/ann/up1"}),
    ],
    ids=["completed", "failed", "of an image at a URL"],
)
def test_the_record_and_its_files_are_gone_and_no_others(
    harness: Harness, job: Job, stay: set[str]
) -> None:
    harness.jobs.put(job)

    delete(harness)

    assert harness.jobs.all == []
    assert harness.jobs.projections == {}
    assert set(harness.bucket.objects) == {*FILES_OF_OTHERS, *stay}
    with pytest.raises(NotFound):
        delete(harness)


def test_another_users_job_is_not_found(harness: Harness) -> None:
    harness.jobs.put(a_video())

    with pytest.raises(NotFound):
        harness.delete_video(BOB, "job1")

    assert set(ITS_FILES) <= set(harness.bucket.objects)


@pytest.mark.parametrize(
    "job", [a_new_job(), running(a_job(), ProviderId.RUNWAY)], ids=["new", "running"]
)
def test_while_it_is_processed_nothing_is_deleted(harness: Harness, job: Job) -> None:
    harness.jobs.put(job)

    with pytest.raises(Conflict):
        delete(harness)

    assert harness.jobs.all == [job]
    assert set(ITS_FILES) <= set(harness.bucket.objects)


def test_an_upload_stays_while_another_job_names_it(harness: Harness) -> None:
    harness.jobs.put(a_video())
    harness.jobs.put(replace(a_video(), job_id="job2"))

    delete(harness)
    assert "uploads/ann/up1" in harness.bucket.objects

    harness.jobs.remove("job2")
    harness.jobs.put(a_video())
    delete(harness)
    assert "uploads/ann/up1" not in harness.bucket.objects


def test_both_images_of_a_job_are_gone(harness: Harness) -> None:
    harness.jobs.put(a_video(last_image="up2"))
    harness.bucket.objects |= {"images/job1.last": b"x", "uploads/ann/up2": b"x"}

    delete(harness)

    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)


def test_an_upload_that_is_anothers_last_frame_stays(harness: Harness) -> None:
    harness.jobs.put(a_video())
    harness.jobs.put(replace(a_video(image="up9", last_image="up1"), job_id="job2"))

    delete(harness)

    assert "uploads/ann/up1" in harness.bucket.objects


def test_money_usage_and_keys_stay(harness: Harness) -> None:
    job = a_new_job()
    claim = IdempotencyRecord(name="k", job_id="job1", body_sha256="x", expires_at=NOON)
    harness.jobs.create(job, claim)
    done = replace(completed(a_job(), ProviderId.RUNWAY), version=2)
    harness.jobs.commit(harness.jobs.get("job1"), done)
    accounts = dict(harness.jobs.accounts)

    delete(harness)

    assert harness.jobs.accounts == accounts
    assert harness.jobs.idempotency.get("k") is not None


@pytest.mark.parametrize("nth", range(6))
def test_a_call_that_dies_on_the_way_is_repeated(harness: Harness, nth: int) -> None:
    harness.jobs.put(a_video())
    harness.bucket = FailingBucket(harness.bucket, after=nth)

    with pytest.raises(Unreachable):
        delete(harness)
    assert [job.job_id for job in harness.jobs.all] == ["job1"]
    delete(harness)

    assert harness.jobs.all == []
    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)


class FailingBucket(FakeBucket):
    """Does what it is asked `after` times, then fails once."""

    def __init__(self, bucket: FakeBucket, *, after: int) -> None:
        super().__init__()
        self.objects = bucket.objects
        self._left: int | None = after

    def _fail(self) -> None:
        if self._left == 0:
            self._left = None
            raise Unreachable("down")
        if self._left is not None:
            self._left -= 1


@pytest.mark.parametrize(
    "troubles",
    [
        [Trouble.APPLIED],
        [Trouble.NOT_APPLIED],
        [Trouble.LOST_RACE],
        [Trouble.LOST_RACE, Trouble.APPLIED],
    ],
    ids=", then ".join,
)
def test_an_uncertain_delete_is_repeated(
    harness: Harness, troubles: list[Trouble]
) -> None:
    harness.jobs.put(a_video())
    harness.jobs.troubles = [Trouble.NOT_APPLIED] * (len(SHORT_BACKOFF) + 1)
    with pytest.raises(Unreachable):
        delete(harness)
    harness.jobs.troubles = list(troubles)

    delete(harness)

    assert harness.jobs.all == []


def fresh_url(harness: Harness) -> None:
    harness.jobs.put(replace(a_video(), video_url="fresh", version=99))


@pytest.mark.parametrize("happens", [delete, fresh_url])
def test_nothing_that_happens_meanwhile_saves_the_record(
    harness: Harness, happens: Callable[[Harness], None]
) -> None:
    harness.jobs.put(a_video())
    plain = harness.bucket.list

    def listing(prefix: str) -> object:
        harness.bucket.list = plain  # type: ignore[method-assign] # once
        happens(harness)
        return plain(prefix)

    harness.bucket.list = listing  # type: ignore[method-assign,assignment] # a race
    delete(harness)

    assert harness.jobs.all == []


def test_an_image_that_was_being_fetched_does_not_stay(harness: Harness) -> None:
    harness.bucket.objects.clear()
    harness.jobs.put(a_new_job())
    plain = harness.web.stream

    def stream(file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        # Later than any step may take: the job no longer waits for this one.
        harness.clock.move(PREPARE_LIMIT)
        harness.cancel_video(ANN, "job1")
        delete(harness)
        return plain(file, most_bytes=most_bytes)

    harness.web.stream = stream  # type: ignore[method-assign] # a race, staged
    harness.advance("job1", from_starts_queue=False)

    assert harness.bucket.objects == {}


def test_a_video_that_was_being_fetched_again_does_not_stay(harness: Harness) -> None:
    harness.bucket.objects.clear()
    harness.jobs.put(storing(a_job(), ProviderId.RUNWAY))
    provider = harness.providers[ProviderId.RUNWAY]
    plain = provider.fetch

    def fetch(task: TaskRef) -> Result:
        provider.fetch = plain  # type: ignore[method-assign] # once
        harness.advance("job1", from_starts_queue=False)
        delete(harness)
        return plain(task)

    provider.fetch = fetch  # type: ignore[method-assign] # a race, staged
    harness.advance("job1", from_starts_queue=False)

    assert harness.bucket.objects == {}


def test_nor_does_what_was_written_before_the_record_was_gone(harness: Harness) -> None:
    harness.jobs.put(a_video())
    plain: Callable[..., None] = harness.jobs.delete

    def remove(before: object) -> None:
        harness.bucket.objects["videos/ann/job1.mp4"] = b"by a step in progress"
        plain(before)

    harness.jobs.delete = remove  # type: ignore[method-assign] # a race, staged
    delete(harness)

    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)
