"""A deleted job is gone with its files, and whoever deletes it twice does no harm."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Conflict, ErrorCode, NotFound, Unreachable
from shared.domain.job import Job
from shared.jobs.commit import SHORT_BACKOFF
from shared.ports.identity import Caller
from shared.ports.store import IdempotencyRecord
from shared.usecases.delete_video import DeleteVideo
from tests.domain.examples import (
    NOON,
    a_job,
    a_new_job,
    a_request,
    completed,
    running,
)
from tests.fakes.bucket import FakeBucket
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann", key_id="key1")
ITS_FILES = (
    "images/job1",
    "incoming/job1/runway/fetched.mp4",
    "incoming/job1/gemini-veo-3.1/sample_0.mp4",
    "videos/ann/job1.mp4",
    "uploads/ann/up1",
)
FILES_OF_OTHERS = (
    "images/job10",
    "incoming/job10/runway/fetched.mp4",
    "videos/ann/job10.mp4",
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


def delete(harness: Harness, caller: Caller = ANN) -> None:
    use_case = DeleteVideo(
        jobs=harness.jobs,
        queries=harness.jobs,
        bucket=harness.bucket,
        pause=harness.clock.pause,
    )
    use_case(caller, "job1")


def a_video(**fields: object) -> Job:
    asked = a_request(**{"image": "up1", "image_url": None, **fields})
    return replace(completed(a_job(), ProviderId.RUNWAY), request=asked)


def test_the_record_and_every_file_are_gone_and_nobody_elses(harness: Harness) -> None:
    harness.jobs.put(a_video())

    delete(harness)

    assert harness.jobs.all == []
    assert harness.jobs.projections == {}
    assert set(harness.bucket.objects) == set(FILES_OF_OTHERS)


def test_a_failed_job_may_be_deleted_too(harness: Harness) -> None:
    harness.jobs.put(a_job().ended(ErrorCode.BAD_OUTPUT))

    delete(harness)

    assert harness.jobs.all == []


@pytest.mark.parametrize(
    "job", [a_new_job(), running(a_job(), ProviderId.RUNWAY)], ids=["new", "running"]
)
def test_while_it_is_processed_nothing_is_deleted(harness: Harness, job: Job) -> None:
    harness.jobs.put(job)

    with pytest.raises(Conflict):
        delete(harness)

    assert harness.jobs.all == [job]
    assert set(ITS_FILES) <= set(harness.bucket.objects)


@pytest.mark.parametrize("caller", [Caller(user_id="bob", is_admin=True)])
def test_anothers_job_is_not_found(harness: Harness, caller: Caller) -> None:
    harness.jobs.put(a_video())

    with pytest.raises(NotFound):
        delete(harness, caller)

    assert set(ITS_FILES) <= set(harness.bucket.objects)


def test_what_was_deleted_is_not_found(harness: Harness) -> None:
    harness.jobs.put(a_video())
    delete(harness)

    with pytest.raises(NotFound):
        delete(harness)


def test_an_upload_stays_while_another_job_names_it(harness: Harness) -> None:
    harness.jobs.put(a_video())
    harness.jobs.put(replace(a_video(), job_id="job2"))

    delete(harness)
    assert "uploads/ann/up1" in harness.bucket.objects

    harness.jobs.remove("job2")
    harness.jobs.put(a_video())
    delete(harness)
    assert "uploads/ann/up1" not in harness.bucket.objects


def test_a_job_of_an_address_leaves_uploads_alone(harness: Harness) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))

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
def test_an_unclear_delete_ends_well(harness: Harness, troubles: list[Trouble]) -> None:
    harness.jobs.put(a_video())
    harness.jobs.troubles = troubles

    delete(harness)

    assert harness.jobs.all == []


def test_without_a_known_delete_there_is_no_yes(harness: Harness) -> None:
    harness.jobs.put(a_video())
    harness.jobs.troubles = [Trouble.NOT_APPLIED] * (len(SHORT_BACKOFF) + 1)

    with pytest.raises(Unreachable):
        delete(harness)


class MeanwhileBucket(FakeBucket):
    """Right before the files are listed, something else happens, once."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens: Callable[[], object] | None = happens

    def _fail(self) -> None:
        if happens := self._happens:
            self._happens = None
            happens()


def test_two_deletions_at_once_both_end_well(harness: Harness) -> None:
    harness.jobs.put(a_video())
    harness.bucket = MeanwhileBucket(lambda: delete(harness))

    delete(harness)

    assert harness.jobs.all == []


def test_a_fresh_address_in_between_does_not_save_it(harness: Harness) -> None:
    job = a_video()
    harness.jobs.put(job)
    fresh = replace(job, video_url="fresh", version=job.version + 1)
    harness.bucket = MeanwhileBucket(lambda: harness.jobs.put(fresh))

    delete(harness)

    assert harness.jobs.all == []


def test_who_deleted_it_is_told_for_the_audit(harness: Harness) -> None:
    harness.jobs.put(a_video(prompt="a secret"))

    with capture_logs() as logs:
        delete(harness)

    (entry,) = logs
    assert entry == {
        "event": "video_deleted",
        "log_level": "info",
        "audit": True,
        "job_id": "job1",
        "user_id": "ann",
        "key_id": "key1",
    }
