"""A list is of the caller's own jobs, newest first, and every address in it lives."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, InvalidRequest, NotFound, Unreachable
from shared.domain.job import Job
from shared.domain.listing import Page
from shared.domain.projection import Status
from shared.ports.identity import Caller
from shared.usecases.read_videos import ListVideos
from tests.domain.examples import MINUTE, NOON, a_job, a_new_job, completed
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness

ANN, BOB = Caller(user_id="ann"), Caller(user_id="bob", is_admin=True)
HOUR = timedelta(hours=1)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def lists(harness: Harness) -> ListVideos:
    return ListVideos(
        jobs=harness.jobs,
        queries=harness.jobs,
        bucket=harness.bucket,
        clock=harness.clock,
        ids=harness.ids,
    )


def page(
    harness: Harness,
    *,
    caller: Caller = ANN,
    limit: int = 2,
    status: Status | None = None,
    cursor: str | None = None,
) -> Page:
    return lists(harness)(caller, limit=limit, status=status, cursor=cursor)


def named(found: Page) -> list[str]:
    return [job.job_id for job in found.jobs]


def put_jobs(harness: Harness, count: int) -> None:
    """job1, job2 … a minute apart."""
    for nth in range(1, count + 1):
        harness.jobs.put(a_new_job(job_id=f"job{nth}", at=NOON + nth * MINUTE))


def test_the_newest_come_first_and_the_cursor_leads_on(harness: Harness) -> None:
    put_jobs(harness, 5)

    first = page(harness)
    second = page(harness, cursor=first.next_cursor)
    last = page(harness, cursor=second.next_cursor)

    assert [named(p) for p in (first, second, last)] == [
        ["job5", "job4"],
        ["job3", "job2"],
        ["job1"],
    ]
    assert last.next_cursor is None


@pytest.mark.parametrize(("count", "follows"), [(0, False), (2, False), (3, True)])
def test_there_is_a_cursor_exactly_when_something_follows(
    harness: Harness, count: int, follows: bool
) -> None:
    put_jobs(harness, count)

    assert (page(harness).next_cursor is not None) is follows


def test_a_job_made_meanwhile_moves_no_page(harness: Harness) -> None:
    put_jobs(harness, 3)
    first = page(harness)
    harness.jobs.put(a_new_job(job_id="newer", at=NOON + 9 * MINUTE))

    assert named(page(harness, cursor=first.next_cursor)) == ["job1"]


def test_nobody_sees_anothers_jobs_not_even_by_their_cursor(harness: Harness) -> None:
    put_jobs(harness, 3)
    harness.jobs.put(replace(a_new_job(job_id="bobs", at=NOON), user_id="bob"))
    anns = page(harness, limit=1).next_cursor

    assert named(page(harness, caller=BOB)) == ["bobs"]
    assert named(page(harness, caller=BOB, cursor=anns)) == ["bobs"]


def test_a_list_of_one_status(harness: Harness) -> None:
    put_jobs(harness, 3)
    harness.jobs.put(harness.jobs.get("job2").value.ended(ErrorCode.CANCELLED))

    assert named(page(harness, status=Status.FAILED)) == ["job2"]
    assert named(page(harness, status=Status.PROCESSING)) == ["job3", "job1"]


def test_a_bad_cursor_is_an_invalid_request(harness: Harness) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        page(harness, cursor="job1")


def test_a_list_goes_on_after_a_job(harness: Harness) -> None:
    put_jobs(harness, 4)

    found = lists(harness).after(ANN, job_id="job4", limit=2)

    assert named(found) == ["job3", "job2"]
    assert named(page(harness, cursor=found.next_cursor)) == ["job1"]


def test_past_its_expiry_a_video_has_no_url(harness: Harness) -> None:
    """The bucket's lifecycle removes the video; its record goes a little later."""
    harness.jobs.put(replace(video("job1", 9 * HOUR), expires_at=NOON))

    (shown,) = page(harness).jobs

    assert (shown.video_url, shown.video_url_expires_at) == (None, None)


@pytest.mark.parametrize(("caller", "job_id"), [(BOB, "job1"), (ANN, "job9")])
def test_after_a_job_that_is_not_ones_own_there_is_nothing(
    harness: Harness, caller: Caller, job_id: str
) -> None:
    put_jobs(harness, 2)

    with pytest.raises(NotFound):
        lists(harness).after(caller, job_id=job_id, limit=2)


def video(job_id: str, left: timedelta) -> Job:
    job = replace(completed(a_job(), ProviderId.RUNWAY), job_id=job_id)
    expires_at = NOON + left
    return replace(job, video_url=f"old-{job_id}", video_url_expires_at=expires_at)


def test_an_address_that_dies_within_the_hour_is_signed_anew_and_kept(
    harness: Harness,
) -> None:
    for nth in range(9):
        harness.jobs.put(video(f"job{nth}", nth % 3 * HOUR))

    found = page(harness, limit=9)

    left = [job.video_url_expires_at for job in found.jobs]
    assert all(at is not None and at - NOON > HOUR for at in left)
    assert sum(str(job.video_url).startswith("old") for job in found.jobs) == 3
    assert page(harness, limit=9) == found


def test_an_address_that_lives_on_is_not_signed_anew(harness: Harness) -> None:
    harness.jobs.put(video("job1", HOUR + MINUTE))
    harness.jobs.put(a_job(job_id="job2"))
    harness.bucket.failures = [Unreachable("nobody may sign")]

    assert [job.video_url for job in page(harness).jobs] == [None, "old-job1"]


def test_a_fresh_address_is_shown_although_it_could_not_be_kept(
    harness: Harness,
) -> None:
    harness.jobs.put(video("job1", MINUTE))
    harness.jobs.troubles = [Trouble.LOST_RACE]

    assert str(page(harness).jobs[0].video_url).startswith("https://storage.example/")
