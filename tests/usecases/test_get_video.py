"""A job is shown to its owner alone, with an address that lives on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.ports.identity import Caller
from shared.usecases.read_videos import GetVideo
from tests.domain.examples import MINUTE, NOON, a_job, completed
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann")


@pytest.fixture
def harness() -> Harness:
    return Harness()


def get(harness: Harness, caller: Caller = ANN) -> Job:
    use_case = GetVideo(
        jobs=harness.jobs, bucket=harness.bucket, clock=harness.clock, ids=harness.ids
    )
    return use_case(caller, "job1")


def expiring(left: timedelta) -> Job:
    job = completed(a_job(), ProviderId.RUNWAY)
    return replace(job, video_url="old", video_url_expires_at=NOON + left)


def test_the_owner_sees_the_job(harness: Harness) -> None:
    harness.jobs.put(a_job())

    assert get(harness) == a_job()


@pytest.mark.parametrize(
    "caller", [Caller(user_id="bob"), Caller(user_id="bob", is_admin=True)]
)
def test_another_users_job_is_not_found(harness: Harness, caller: Caller) -> None:
    harness.jobs.put(a_job())

    with pytest.raises(NotFound):
        get(harness, caller)


def test_no_job_is_not_found(harness: Harness) -> None:
    with pytest.raises(NotFound):
        get(harness)


@pytest.mark.parametrize(
    ("left", "is_fresh"),
    [
        (timedelta(hours=-5), True),
        (timedelta(hours=1), True),
        (timedelta(hours=1) + MINUTE, False),
    ],
)
def test_an_address_with_less_than_an_hour_left_is_replaced(
    harness: Harness, left: timedelta, is_fresh: bool
) -> None:
    harness.jobs.put(expiring(left))

    job = get(harness)

    assert (job.video_url != "old") is is_fresh
    assert job.video_url_expires_at
    remaining = job.video_url_expires_at - NOON
    assert timedelta(hours=1) < remaining <= timedelta(hours=12)


@pytest.mark.parametrize(
    "job", [expiring(timedelta(hours=9)), a_job()], ids=["done", "open"]
)
def test_past_its_expiry_a_job_is_not_found(harness: Harness, job: Job) -> None:
    harness.jobs.put(replace(job, expires_at=NOON + MINUTE))
    assert get(harness)

    harness.clock.move(MINUTE)

    with pytest.raises(NotFound):
        get(harness)


def test_listeners_get_the_fresh_address_too(harness: Harness) -> None:
    before = harness.jobs.put(expiring(MINUTE))

    job = get(harness)

    assert harness.jobs.projections["job1"]["video_url"] == job.video_url
    assert (harness.job.version, harness.job.wake_at) == (
        before.value.version + 1,
        None,
    )


@pytest.mark.parametrize(
    "trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED, Trouble.UNREACHABLE]
)
def test_a_fresh_address_is_good_although_it_could_not_be_kept(
    harness: Harness, trouble: Trouble
) -> None:
    harness.jobs.put(expiring(MINUTE))
    harness.jobs.troubles = [trouble]

    assert str(get(harness).video_url).startswith("https://storage.example/videos/ann/")
    assert harness.job.video_url == "old"
