"""Deleting a video removes its record and files, however it is interrupted."""

from collections.abc import Callable

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    Conflict,
    ConflictReason,
    ErrorCode,
    NotFound,
    Unreachable,
)
from shared.domain.job import Job
from shared.domain.structs import replace
from shared.domain.timing import PREPARE_LIMIT
from shared.jobs.commit import SHORT_BACKOFF
from shared.ports.store import IdempotencyRecord
from tests.domain.examples import (
    DELIVERED,
    NOON,
    a_job,
    a_new_job,
    a_request,
    completed,
    running,
    storing,
)
from tests.fakes.interpose import before, before_next
from tests.fakes.jobs import Trouble
from tests.usecases.harness import ANN, BOB, Harness

ITS_FILES = (
    "images/job1",
    "incoming/job1/runway/fetched.mp4",
    "incoming/job1/gemini-veo-3.1/sample_0.mp4",
    "videos/ann/job1/runway.mp4",
    "videos/ann/job1/runway.jpg",
    "videos/ann/job1/gemini-veo-3.1.mp4",
    "uploads/ann/up1",
)
FILES_OF_OTHERS = (
    "images/job10",
    "incoming/job10/runway/fetched.mp4",
    "videos/ann/job10/runway.mp4",
    "videos/ann/job10/runway.jpg",
    "videos/ann/job10.mp4",
    "videos/bob/job1/runway.mp4",
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
    request = a_request(**{"image": "up1", "image_url": None, **fields})
    return replace(completed(a_job(), ProviderId.RUNWAY), request=request)


@pytest.mark.parametrize(
    ("job", "stay"),
    [
        (a_video(), set()),
        (a_video().ended(ErrorCode.BAD_OUTPUT), set()),
        (replace(a_video(), delivered=replace(DELIVERED, poster_name=None)), set()),
        (completed(a_job(), ProviderId.RUNWAY), {"uploads/ann/up1"}),
    ],
    ids=["completed", "failed", "without a poster", "of an image at a URL"],
)
def test_a_video_is_deleted_with_its_files_and_no_others(
    harness: Harness, job: Job, stay: set[str]
) -> None:
    harness.jobs.put(job)

    delete(harness)

    assert harness.jobs.all == []
    assert harness.jobs.projections == {}
    assert set(harness.bucket.objects) == {*FILES_OF_OTHERS, *stay}
    with pytest.raises(NotFound):
        delete(harness)


def test_a_video_that_release_0_1_0_stored_is_gone(harness: Harness) -> None:
    names = "videos/ann/job1.mp4", "videos/ann/job1.jpg"
    job = a_video()
    assert job.delivered
    old = replace(job.delivered, object_name=names[0], poster_name=names[1])
    harness.jobs.put(replace(job, delivered=old))
    harness.bucket.objects |= dict.fromkeys(names, b"x")

    delete(harness)

    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)


def test_another_users_job_is_not_found(harness: Harness) -> None:
    harness.jobs.put(a_video())

    with pytest.raises(NotFound):
        harness.delete_video(BOB, "job1")

    assert set(ITS_FILES) <= set(harness.bucket.objects)


@pytest.mark.parametrize(
    "job", [a_new_job(), running(a_job(), ProviderId.RUNWAY)], ids=["new", "running"]
)
def test_a_job_in_progress_cannot_be_deleted(harness: Harness, job: Job) -> None:
    harness.jobs.put(job)

    with pytest.raises(Conflict) as refused:
        delete(harness)

    assert refused.value.reason is ConflictReason.JOB_OPEN
    assert harness.jobs.all == [job]
    assert set(ITS_FILES) <= set(harness.bucket.objects)


@pytest.mark.parametrize("use", [{}, {"image": "up9", "last_image": "up1"}], ids=str)
def test_an_upload_used_elsewhere_stays(harness: Harness, use: dict[str, str]) -> None:
    harness.jobs.put(a_video())
    harness.jobs.put(replace(a_video(**use), job_id="job2"))

    delete(harness)
    assert "uploads/ann/up1" in harness.bucket.objects

    harness.jobs.remove("job2")
    harness.jobs.put(a_video())
    delete(harness)
    assert "uploads/ann/up1" not in harness.bucket.objects


def test_both_images_of_a_job_are_deleted(harness: Harness) -> None:
    harness.jobs.put(a_video(last_image="up2"))
    harness.bucket.objects |= {"images/job1.last": b"x", "uploads/ann/up2": b"x"}

    delete(harness)

    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)


def test_the_ledger_and_the_idempotency_key_stay(harness: Harness) -> None:
    job = a_new_job()
    used = IdempotencyRecord(name="k", job_id="job1", body_sha256="x", expires_at=NOON)
    harness.jobs.create(job, used)
    done = replace(completed(a_job(), ProviderId.RUNWAY), version=2)
    harness.jobs.commit(harness.jobs.get("job1"), done)
    accounts = dict(harness.jobs.accounts)

    delete(harness)

    assert harness.jobs.accounts == accounts
    assert harness.jobs.idempotency.get("k") is not None


@pytest.mark.parametrize("nth", range(6))
def test_an_interrupted_delete_can_be_repeated(harness: Harness, nth: int) -> None:
    harness.jobs.put(a_video())

    def fail() -> None:
        raise Unreachable("down")

    before_next(harness.bucket, "_fail", *[lambda: None] * nth, fail)

    with pytest.raises(Unreachable):
        delete(harness)
    assert [job.job_id for job in harness.jobs.all] == ["job1"]
    delete(harness)

    assert harness.jobs.all == []
    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)


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
def test_a_concurrent_change_does_not_save_the_record(
    harness: Harness, happens: Callable[[Harness], None]
) -> None:
    harness.jobs.put(a_video())
    before_next(harness.bucket, "list", lambda: happens(harness))

    delete(harness)

    assert harness.jobs.all == []


def test_an_image_that_is_being_fetched_is_deleted_as_well(harness: Harness) -> None:
    harness.bucket.objects.clear()
    harness.jobs.put(a_new_job())

    def cancel_and_delete() -> None:
        # This step has taken longer than it may, so the job no longer waits for it.
        harness.clock.move(PREPARE_LIMIT)
        harness.cancel_video(ANN, "job1")
        delete(harness)

    before(harness.web, "stream", cancel_and_delete)
    harness.advance("job1", from_starts_queue=False)

    assert harness.bucket.objects == {}


def test_a_video_that_is_fetched_again_is_deleted_as_well(harness: Harness) -> None:
    harness.bucket.objects.clear()
    harness.jobs.put(storing(a_job(), ProviderId.RUNWAY))

    def another_worker_stores_it_and_its_owner_deletes_it() -> None:
        harness.advance("job1", from_starts_queue=False)
        delete(harness)

    runway = harness.providers[ProviderId.RUNWAY]
    before_next(runway, "fetch", another_worker_stores_it_and_its_owner_deletes_it)
    harness.advance("job1", from_starts_queue=False)

    assert harness.bucket.objects == {}


def test_a_file_written_meanwhile_is_deleted_as_well(harness: Harness) -> None:
    harness.jobs.put(a_video())
    written = {"videos/ann/job1/runway.mp4": b"by a step in progress"}
    before(harness.jobs, "delete", lambda: harness.bucket.objects.update(written))

    delete(harness)

    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)
