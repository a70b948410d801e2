"""The job as its owner sees it."""

from datetime import timedelta

import pytest

from shared.domain.errors import ErrorCode, ImageFault, Problem
from shared.domain.job import Job, Language
from shared.domain.outcomes import CancelRequested, NotSent, Prepared, Rejected, Working
from shared.domain.projection import Projection, localized, moment, project
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    FAULT,
    IMAGE,
    MINUTE,
    NOON,
    RUNWAY,
    SECOND,
    VEO,
    a_job,
    a_new_job,
    answered,
    completed,
    polled,
    running,
    started,
    store_failed,
    storing,
)


def cancelling() -> Job:
    marked = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
    return polled(marked, Working())


def throttled() -> Job:
    return polled(running(a_job(), RUNWAY), Working(queued=True))


def not_stored() -> Job:
    job = storing(a_job(), RUNWAY)
    for _ in range(5):
        bad = Problem(code=ErrorCode.BAD_OUTPUT)
        job = apply(job, store_failed(job.attempts[0], bad), NOON)
    return settle(job, NOON)


REFUSED = answered(a_job(chain=(VEO,)), VEO, NotSent(problem=FAULT))
STATES: dict[str, tuple[Job, str, str, str | None]] = {
    "new": (a_new_job(), "processing", "queued", None),
    "prepared": (a_job(), "processing", "queued", None),
    "starting": (started(a_job(), RUNWAY), "processing", "queued", "runway"),
    "running": (running(a_job(), RUNWAY), "processing", "generating", "runway"),
    "cancelling": (cancelling(), "processing", "generating", "runway"),
    "throttled": (throttled(), "processing", "waiting_for_provider", "runway"),
    "begun": (polled(throttled(), Working()), "processing", "generating", "runway"),
    "storing": (storing(a_job(), RUNWAY), "processing", "storing", "runway"),
    "between attempts": (not_stored(), "processing", "generating", "runway"),
    "completed": (completed(a_job(), RUNWAY), "completed", "done", "runway"),
    "unasked": (a_job().ended(ErrorCode.CANCELLED), "failed", "done", None),
    "all failed": (REFUSED, "failed", "done", "gemini-veo-3.1"),
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_shown_as(state: str) -> None:
    job, *expected = STATES[state]
    shown = project(job)

    assert [shown["status"], shown["stage"], shown["ai_model"]] == expected


def test_the_request_and_the_delivered_video_are_shown() -> None:
    shown = project(completed(a_job(duration=5, seed=7), RUNWAY))

    assert (shown["duration"], shown["seed"], shown["fallback"]) == (5, 7, True)
    assert shown["image_url"] == "https://example.com/cat.jpg"
    assert shown["delivered"] == {
        "duration": 8.0,
        "width": 1280,
        "height": 720,
        "aspect_ratio": "16:9",
        "audio": False,
        "size": 6,
        "crc32c": "AAAAAA==",
    }
    assert shown["progress"] == 100
    assert shown["video_url"] == "https://storage.example/video"
    assert shown["download_url"] == "https://storage.example/video?attachment"
    assert shown["poster_url"] == "https://storage.example/poster"


def test_a_video_says_that_ai_made_it_and_which() -> None:
    rejected = answered(a_job(), RUNWAY, Rejected(problem=FAULT))
    made = project(completed(rejected, VEO))

    assert made["ai_generated"] is True
    assert made["generated_by"] == {"vendor": "vertex", "model": "veo-3.1-generate-001"}
    for job in (a_new_job(), storing(a_job(), RUNWAY)):
        assert project(job)["ai_generated"] is True
        assert project(job)["generated_by"] is None


def test_metadata_is_returned_as_it_was_sent() -> None:
    sent = {"order": "A-1", "한글.name": " \n", "empty": ""}

    assert project(a_job(metadata=sent))["metadata"] == sent
    assert project(a_job(metadata={}))["metadata"] == {}
    assert project(a_job())["metadata"] == {}


@pytest.mark.parametrize("field", [None, "last_image"])
@pytest.mark.parametrize("fault", [None, *ImageFault])
def test_a_listed_failure_is_in_the_readers_language(
    fault: ImageFault | None, field: str | None
) -> None:
    code = ErrorCode.IMAGE_INVALID
    problem = Problem(code=code, image_fault=fault, field=field)
    job = replace(a_new_job(), problem=problem, wake_at=None)

    for stored in (project(job), project(job, Language.KOREAN)):
        for language in Language:
            assert localized(stored, language) == project(job, language)


@pytest.mark.parametrize(
    ("fields", "beginning"),
    [
        ({"image_url": None}, "Runway needs an image: its model can't make a video"),
        ({"last_image": "up2"}, "Runway doesn't take a last frame."),
        ({"resolution": "1080p"}, "Runway doesn't make videos of this resolution."),
    ],
)
def test_a_skipped_provider_says_why_in_the_readers_language(
    fields: dict[str, object], beginning: str
) -> None:
    job = settle(replace(a_job(**fields), image=IMAGE, last_image=IMAGE), NOON)

    for stored in (project(job), project(job, Language.KOREAN)):
        for language in Language:
            assert localized(stored, language) == project(job, language)
    assert project(job)["attempts"][0]["error"]["message"].startswith(beginning)


def test_a_crop_is_shown_in_pixels_of_the_upright_image() -> None:
    image = replace(IMAGE, source_width=1206, source_height=2622)
    shown = project(replace(a_job(), image=image, last_image=IMAGE))

    assert shown["input_crop"] == {
        "x": 0,
        "y": 105,
        "width": 1206,
        "height": 2412,
        "image_width": 1206,
        "image_height": 2622,
    }
    assert shown["last_input_crop"] is None
    assert project(a_new_job())["input_crop"] is None


def test_money_is_shown_as_decimal_strings() -> None:
    shown = project(running(a_job(), RUNWAY))

    assert shown["estimated_cost_usd"] == "0.40"
    assert shown["cost_usd"] == "0.40"
    assert shown["attempts"][0]["cost_usd"] == "0.40"


def test_an_attempt_that_delivered_has_ended() -> None:
    [attempt] = project(completed(a_job(), RUNWAY))["attempts"]

    assert (attempt["outcome"], attempt["ended_at"]) == ("succeeded", NOON)


def test_an_open_attempt_is_shown_as_running() -> None:
    for job in (started(a_job(), RUNWAY), storing(a_job(), RUNWAY), cancelling()):
        assert project(job)["attempts"][0]["outcome"] == "running"


def test_a_checked_image_alone_changes_nothing_for_listeners() -> None:
    before = a_new_job()
    prepared = apply(before, Prepared(image=IMAGE), NOON + SECOND)

    assert project(prepared) == {**project(before), "updated_at": NOON + SECOND}
    assert started(prepared, RUNWAY).progress == 5


@pytest.mark.parametrize(
    ("working", "progress"),
    [
        (Working(queued=True, progress=0.9), 10),
        (Working(progress=-1.0), 10),
        (Working(progress=0.5), 49),
        (Working(progress=1.0), 88),
        (Working(progress=7.0), 88),
    ],
)
def test_progress_while_a_vendor_works(working: Working, progress: int) -> None:
    job = polled(running(a_job(), RUNWAY), working)

    assert project(job)["progress"] == progress


def test_progress_follows_the_clock_if_the_vendor_reports_none() -> None:
    job = running(a_job(chain=(VEO,)), VEO)

    looked = polled(job, Working(), NOON + MINUTE, VEO)

    assert looked.progress == 10 + 78 // 2


@pytest.mark.parametrize(
    "later", [{"ai_model": "sora-9"}, {"error": {"code": "moon_phase", "message": "X"}}]
)
def test_a_list_keeps_values_that_a_later_release_wrote(later: Projection) -> None:
    shown = project(answered(a_job(), RUNWAY, NotSent(problem=FAULT)))
    attempt = {**shown["attempts"][0], **later}

    listed = localized({**shown, "attempts": [attempt]}, Language.KOREAN)

    assert listed["attempts"] == [attempt]


def test_progress_never_goes_back() -> None:
    job = polled(running(a_job(), RUNWAY), Working(progress=0.9))
    assert polled(job, Working(progress=0.1)).progress == job.progress

    after = not_stored()
    assert started(after, VEO).progress == after.progress == 90
    assert running(after, VEO).progress == 90


def test_a_time_is_rfc_3339_in_utc() -> None:
    assert moment(NOON + timedelta(microseconds=1999)) == "2026-11-22T12:00:00.001Z"


def test_a_jobs_messages_are_in_the_language_of_its_request() -> None:
    job = replace(a_job(), language=Language.KOREAN).ended(ErrorCode.CANCELLED)

    assert project(job)["error"]["message"] == "작업이 취소되었습니다."
