"""A job is shown to its owner alone, with an address that lives on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.catalogue import Link
from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.ports import Caller
from shared.usecases.get_video import GetVideo
from tests.domain.examples import MINUTE, NOON, a_job, completed
from tests.fakes.jobs import Trouble
from tests.usecases.stage import Stage

ANN = Caller(user_id="ann")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def get(stage: Stage, caller: Caller = ANN) -> Job:
    use_case = GetVideo(
        jobs=stage.jobs, bucket=stage.bucket, clock=stage.clock, ids=stage.ids
    )
    return use_case(caller, "job1")


def expiring(left: timedelta) -> Job:
    job = completed(a_job(), Link.RUNWAY)
    return replace(job, video_url="old", video_url_expires_at=NOON + left)


def test_the_owner_sees_the_job(stage: Stage) -> None:
    stage.jobs.put(a_job())

    assert get(stage) == a_job()


@pytest.mark.parametrize(
    "caller", [Caller(user_id="bob"), Caller(user_id="bob", is_admin=True)]
)
def test_another_users_job_is_not_found(stage: Stage, caller: Caller) -> None:
    stage.jobs.put(a_job())

    with pytest.raises(NotFound):
        get(stage, caller)


def test_no_job_is_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound):
        get(stage)


@pytest.mark.parametrize(
    ("left", "is_fresh"),
    [
        (timedelta(hours=-5), True),
        (timedelta(hours=1), True),
        (timedelta(hours=1) + MINUTE, False),
    ],
)
def test_an_address_with_less_than_an_hour_left_is_replaced(
    stage: Stage, left: timedelta, is_fresh: bool
) -> None:
    stage.jobs.put(expiring(left))

    job = get(stage)

    assert (job.video_url != "old") is is_fresh
    assert job.video_url_expires_at
    assert job.video_url_expires_at - NOON > timedelta(hours=1)


def test_listeners_get_the_fresh_address_too(stage: Stage) -> None:
    before = stage.jobs.put(expiring(MINUTE))

    job = get(stage)

    assert stage.jobs.projections["job1"]["video_url"] == job.video_url
    assert (stage.job.version, stage.job.wake_at) == (before.job.version + 1, None)


@pytest.mark.parametrize(
    "trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED, Trouble.UNREACHABLE]
)
def test_a_fresh_address_is_good_although_it_could_not_be_kept(
    stage: Stage, trouble: Trouble
) -> None:
    stage.jobs.put(expiring(MINUTE))
    stage.jobs.troubles = [trouble]

    assert str(get(stage).video_url).startswith("https://storage.example/videos/ann/")
    assert stage.job.video_url == "old"
