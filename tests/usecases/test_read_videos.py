"""Callers see only their own jobs, newest first, with URLs valid for an hour."""

from datetime import timedelta

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, NotFound, Unreachable
from shared.domain.job import Job
from shared.domain.listing import Cursor, Page
from shared.domain.projection import NO_URLS, Status, project
from shared.domain.structs import replace
from shared.ports.identity import Caller
from tests.domain.examples import MINUTE, NOON, a_job, a_new_job, completed
from tests.fakes.jobs import Trouble
from tests.usecases.harness import ANN, BOB, Harness

HOUR = timedelta(hours=1)
# The fields of a document as the first release wrote it.
FIRST_FIELDS = {
    *("job_id", "user_id", "created_at", "updated_at", "expires_at", "status"),
    *("stage", "progress", "ai_model", "video_url", "video_url_expires_at", "prompt"),
    *("image_url", "image", "duration", "resolution", "aspect_ratio", "audio", "model"),
    *("fallback", "seed", "delivered", "attempts", "estimated_cost_usd", "cost_usd"),
    "error",
}


def page(
    harness: Harness,
    *,
    caller: Caller = ANN,
    limit: int = 2,
    status: Status | None = None,
    cursor: str | None = None,
) -> Page:
    after = Cursor().parse(cursor) if cursor else None
    return harness.list_videos(caller, limit=limit, status=status, after=after)


def named(found: Page) -> list[str]:
    return [video["job_id"] for video in found.videos]


def put_jobs(harness: Harness, count: int) -> None:
    """job1, job2 … a minute apart."""
    for nth in range(1, count + 1):
        harness.jobs.put(a_new_job(job_id=f"job{nth}", at=NOON + nth * MINUTE))


def video(left: timedelta, *, job_id: str = "job1") -> Job:
    return replace(
        completed(a_job(), ProviderId.RUNWAY),
        job_id=job_id,
        video_url=f"old-{job_id}",
        video_url_expires_at=NOON + left,
    )


def test_the_owner_sees_the_job_and_no_other_user_does(harness: Harness) -> None:
    harness.jobs.put(a_job())

    assert harness.get_video(ANN, "job1") == a_job()
    for caller, job_id in ((BOB, "job1"), (ANN, "job9")):
        with pytest.raises(NotFound):
            harness.get_video(caller, job_id)
        with pytest.raises(NotFound):
            harness.list_videos.after(caller, job_id=job_id, limit=2)


@pytest.mark.parametrize(
    ("left", "is_fresh"), [(-5 * HOUR, True), (HOUR, True), (HOUR + MINUTE, False)]
)
def test_a_url_with_less_than_an_hour_left_is_replaced(
    harness: Harness, left: timedelta, is_fresh: bool
) -> None:
    harness.jobs.put(video(left))

    job = harness.get_video(ANN, "job1")

    assert (job.video_url != "old-job1") is is_fresh
    assert job.video_url_expires_at
    assert HOUR < job.video_url_expires_at - NOON <= 12 * HOUR


@pytest.mark.parametrize("job", [video(9 * HOUR), a_job()], ids=["done", "open"])
def test_an_expired_job_is_not_found(harness: Harness, job: Job) -> None:
    """A list shows it without URLs: the bucket's lifecycle removes the video first."""
    harness.jobs.put(replace(job, expires_at=NOON + MINUTE))
    assert harness.get_video(ANN, "job1")

    harness.clock.move(MINUTE)

    with pytest.raises(NotFound):
        harness.get_video(ANN, "job1")
    (shown,) = page(harness).videos
    assert {**shown, **NO_URLS} == shown


def test_listeners_get_the_new_url_as_well(harness: Harness) -> None:
    before = harness.jobs.put(video(MINUTE)).value

    job = harness.get_video(ANN, "job1")

    shown = harness.jobs.projections["job1"]
    assert shown["video_url"] == job.video_url
    assert "attachment" in shown["download_url"]
    assert "job1/runway.mp4" in shown["download_url"]
    assert "job1/runway.jpg" in shown["poster_url"]
    assert (harness.job.version, harness.job.wake_at) == (before.version + 1, None)


@pytest.mark.parametrize(
    "trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED, Trouble.UNREACHABLE]
)
def test_a_new_url_is_returned_even_if_it_could_not_be_stored(
    harness: Harness, trouble: Trouble
) -> None:
    harness.jobs.put(video(MINUTE))
    harness.jobs.troubles = [trouble]

    url = harness.get_video(ANN, "job1").video_url

    assert str(url).startswith("https://storage.example/videos/ann/")
    assert harness.job.video_url == "old-job1"


def test_an_older_releases_video_has_a_download_only(harness: Harness) -> None:
    older = video(MINUTE)
    assert older.delivered is not None
    delivered = replace(older.delivered, poster_name=None)
    harness.jobs.put(replace(older, delivered=delivered, poster_url=None))

    (listed,) = page(harness).videos

    assert "attachment" in listed["download_url"] and listed["poster_url"] is None


def test_a_first_releases_document_has_all_fields(harness: Harness) -> None:
    job = harness.jobs.put(a_job().ended(ErrorCode.CANCELLED)).value
    first = {n: v for n, v in project(job).items() if n in FIRST_FIELDS}
    harness.jobs.projections["job1"] = first

    (listed,) = page(harness).videos

    assert first.keys() == FIRST_FIELDS
    assert listed.keys() == project(job).keys()
    assert listed["ai_generated"] and listed["metadata"] == {}


def test_every_url_in_a_list_is_valid_and_stored(harness: Harness) -> None:
    for nth in range(9):
        harness.jobs.put(video(nth % 3 * HOUR, job_id=f"job{nth}"))

    found = page(harness, limit=9)

    left = [video["video_url_expires_at"] for video in found.videos]
    assert all(at is not None and at - NOON > HOUR for at in left)
    assert sum(video["video_url"].startswith("old") for video in found.videos) == 3
    assert page(harness, limit=9) == found


def test_a_url_that_is_still_valid_is_not_signed_again(harness: Harness) -> None:
    harness.jobs.put(video(HOUR + MINUTE))
    harness.jobs.put(a_job(job_id="job2"))
    harness.bucket.failures = [Unreachable("must not sign")]
    harness.jobs.read_failures = [Unreachable("must not read")]

    videos = page(harness).videos

    assert [video["video_url"] for video in videos] == [None, "old-job1"]


def test_a_list_survives_an_unreadable_or_deleted_job(harness: Harness) -> None:
    harness.jobs.put(video(MINUTE, job_id="spoilt"))
    harness.jobs.put(video(MINUTE, job_id="deleted"))
    harness.jobs.unreadable.add("spoilt")
    del harness.jobs._jobs["deleted"]

    videos = page(harness).videos

    assert {video["job_id"]: video["video_url"] for video in videos} == {
        "spoilt": None,
        "deleted": None,
    }


@pytest.mark.parametrize(
    ("count", "pages"),
    [
        (0, [[]]),
        (2, [["job2", "job1"]]),
        (3, [["job3", "job2"], ["job1"]]),
        (5, [["job5", "job4"], ["job3", "job2"], ["job1"]]),
    ],
)
def test_the_newest_come_first_and_the_cursor_continues(
    harness: Harness, count: int, pages: list[list[str]]
) -> None:
    put_jobs(harness, count)
    found = [page(harness)]
    while found[-1].next_cursor:
        # A job created meanwhile doesn't shift the pages.
        harness.jobs.put(a_new_job(job_id=f"newer{len(found)}", at=NOON + HOUR))
        found.append(page(harness, cursor=found[-1].next_cursor))

    assert [named(each) for each in found] == pages


def test_a_cursor_never_shows_another_users_jobs(harness: Harness) -> None:
    put_jobs(harness, 3)
    harness.jobs.put(replace(a_new_job(job_id="bobs", at=NOON), user_id="bob"))
    anns = page(harness, limit=1).next_cursor

    assert named(page(harness, caller=BOB)) == ["bobs"]
    assert named(page(harness, caller=BOB, cursor=anns)) == ["bobs"]


def test_a_list_can_start_after_a_job(harness: Harness) -> None:
    put_jobs(harness, 4)

    found = harness.list_videos.after(ANN, job_id="job4", limit=2)

    assert named(found) == ["job3", "job2"]
    assert named(page(harness, cursor=found.next_cursor)) == ["job1"]
