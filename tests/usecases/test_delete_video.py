"""A deleted job is gone with its files, and whoever deletes it twice does no harm."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import Link
from shared.domain.errors import Conflict, ErrorCode, NotFound, Unreachable
from shared.domain.job import Job
from shared.ports import Caller, Claim
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.record import BRIEFLY
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
from tests.usecases.stage import Stage

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
def stage() -> Stage:
    stage = Stage()
    for name in (*ITS_FILES, *FILES_OF_OTHERS):
        stage.bucket.objects[name] = b"x"
    return stage


def delete(stage: Stage, caller: Caller = ANN) -> None:
    use_case = DeleteVideo(
        jobs=stage.jobs, bucket=stage.bucket, pause=stage.clock.pause
    )
    use_case(caller, "job1")


def a_video(**fields: object) -> Job:
    asked = a_request(**{"image": "up1", "image_url": None, **fields})
    return replace(completed(a_job(), Link.RUNWAY), request=asked)


def test_the_record_and_every_file_are_gone_and_nobody_elses(stage: Stage) -> None:
    stage.jobs.put(a_video())

    delete(stage)

    assert stage.jobs.all == []
    assert stage.jobs.projections == {}
    assert set(stage.bucket.objects) == set(FILES_OF_OTHERS)


def test_a_failed_job_may_be_deleted_too(stage: Stage) -> None:
    stage.jobs.put(a_job().ended(ErrorCode.BAD_OUTPUT))

    delete(stage)

    assert stage.jobs.all == []


@pytest.mark.parametrize(
    "job", [a_new_job(), running(a_job(), Link.RUNWAY)], ids=["new", "running"]
)
def test_while_it_is_processed_nothing_is_deleted(stage: Stage, job: Job) -> None:
    stage.jobs.put(job)

    with pytest.raises(Conflict):
        delete(stage)

    assert stage.jobs.all == [job]
    assert set(ITS_FILES) <= set(stage.bucket.objects)


@pytest.mark.parametrize("caller", [Caller(user_id="bob", is_admin=True)])
def test_anothers_job_is_not_found(stage: Stage, caller: Caller) -> None:
    stage.jobs.put(a_video())

    with pytest.raises(NotFound):
        delete(stage, caller)

    assert set(ITS_FILES) <= set(stage.bucket.objects)


def test_what_was_deleted_is_not_found(stage: Stage) -> None:
    stage.jobs.put(a_video())
    delete(stage)

    with pytest.raises(NotFound):
        delete(stage)


def test_an_upload_stays_while_another_job_names_it(stage: Stage) -> None:
    stage.jobs.put(a_video())
    stage.jobs.put(replace(a_video(), job_id="job2"))

    delete(stage)
    assert "uploads/ann/up1" in stage.bucket.objects

    stage.jobs.remove("job2")
    stage.jobs.put(a_video())
    delete(stage)
    assert "uploads/ann/up1" not in stage.bucket.objects


def test_a_job_of_an_address_leaves_uploads_alone(stage: Stage) -> None:
    stage.jobs.put(completed(a_job(), Link.RUNWAY))

    delete(stage)

    assert "uploads/ann/up1" in stage.bucket.objects


def test_money_usage_and_keys_stay(stage: Stage) -> None:
    job = a_new_job()
    claim = Claim(name="k", job_id="job1", body_sha256="x", expires_at=NOON)
    stage.jobs.create(job, claim)
    done = replace(completed(a_job(), Link.RUNWAY), version=2)
    stage.jobs.commit(stage.jobs.get("job1"), done)
    accounts = dict(stage.jobs.accounts)

    delete(stage)

    assert stage.jobs.accounts == accounts
    assert stage.jobs.claimed("k") is not None


@pytest.mark.parametrize("nth", range(6))
def test_a_call_that_dies_on_the_way_is_repeated(stage: Stage, nth: int) -> None:
    stage.jobs.put(a_video())
    stage.bucket = FailingBucket(stage.bucket, after=nth)

    with pytest.raises(Unreachable):
        delete(stage)
    assert [job.job_id for job in stage.jobs.all] == ["job1"]
    delete(stage)

    assert stage.jobs.all == []
    assert set(stage.bucket.objects) == set(FILES_OF_OTHERS)


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
def test_an_unclear_delete_ends_well(stage: Stage, troubles: list[Trouble]) -> None:
    stage.jobs.put(a_video())
    stage.jobs.troubles = troubles

    delete(stage)

    assert stage.jobs.all == []


def test_without_a_known_delete_there_is_no_yes(stage: Stage) -> None:
    stage.jobs.put(a_video())
    stage.jobs.troubles = [Trouble.NOT_APPLIED] * len(BRIEFLY)

    with pytest.raises(Unreachable):
        delete(stage)


class MeanwhileBucket(FakeBucket):
    """Right before the files are listed, something else happens, once."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens: Callable[[], object] | None = happens

    def _fail(self) -> None:
        if happens := self._happens:
            self._happens = None
            happens()


def test_two_deletions_at_once_both_end_well(stage: Stage) -> None:
    stage.jobs.put(a_video())
    stage.bucket = MeanwhileBucket(lambda: delete(stage))

    delete(stage)

    assert stage.jobs.all == []


def test_a_fresh_address_in_between_does_not_save_it(stage: Stage) -> None:
    job = a_video()
    stage.jobs.put(job)
    fresh = replace(job, video_url="fresh", version=job.version + 1)
    stage.bucket = MeanwhileBucket(lambda: stage.jobs.put(fresh))

    delete(stage)

    assert stage.jobs.all == []


def test_who_deleted_it_is_told_for_the_audit(stage: Stage) -> None:
    stage.jobs.put(a_video(prompt="a secret"))

    with capture_logs() as logs:
        delete(stage)

    (entry,) = logs
    assert entry == {
        "event": "video_deleted",
        "log_level": "info",
        "audit": True,
        "job_id": "job1",
        "user_id": "ann",
        "key_id": "key1",
    }
