"""What the owner of a job sees of it."""

from datetime import timedelta

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, ImageFault, Problem
from shared.domain.job import Job, Language
from shared.domain.outcomes import (
    CancelRequested,
    Failed,
    NotSent,
    Polled,
    Prepared,
    Rejected,
    StoreMissed,
    Unknown,
    Working,
)
from shared.domain.projection import moment, project, translated
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
    running,
    started,
    storing,
)


def polled(job: Job, provider_id: ProviderId, working: Working) -> Job:
    return apply(job, Polled(attempt_id=str(provider_id), poll=working), NOON)


def cancelling() -> Job:
    marked = apply(running(a_job(), RUNWAY), CancelRequested(), NOON)
    return polled(marked, RUNWAY, Working())


def throttled() -> Job:
    return polled(running(a_job(), RUNWAY), RUNWAY, Working(queued=True))


def not_stored() -> Job:
    bad = StoreMissed(
        attempt_id=str(RUNWAY), problem=Problem(code=ErrorCode.BAD_OUTPUT)
    )
    job = storing(a_job(), RUNWAY)
    for _ in range(5):
        job = apply(job, bad, NOON)
    return settle(job, NOON)


@pytest.mark.parametrize(
    ("job", "status", "stage", "ai_model"),
    [
        (a_new_job(), "processing", "queued", None),
        (a_job(), "processing", "queued", None),
        (started(a_job(), RUNWAY), "processing", "queued", "runway"),
        (running(a_job(), RUNWAY), "processing", "generating", "runway"),
        (cancelling(), "processing", "generating", "runway"),
        (throttled(), "processing", "waiting_for_provider", "runway"),
        (
            polled(throttled(), RUNWAY, Working(progress=0.1)),
            "processing",
            "generating",
            "runway",
        ),
        (storing(a_job(), RUNWAY), "processing", "storing", "runway"),
        (not_stored(), "processing", "generating", "runway"),
        (completed(a_job(), RUNWAY), "completed", "done", "runway"),
        (a_job().ended(ErrorCode.CANCELLED), "failed", "done", None),
        (
            answered(a_job(chain=(VEO,)), VEO, NotSent(problem=FAULT)),
            "failed",
            "done",
            "gemini-veo-3.1",
        ),
    ],
    ids=[
        "new",
        "prepared",
        "starting",
        "running",
        "cancelling",
        "queued at the vendor",
        "begun by the vendor",
        "storing",
        "between attempts",
        "completed",
        "failed before any attempt",
        "all failed",
    ],
)
def test_a_state_is_shown_as(
    job: Job, status: str, stage: str, ai_model: str | None
) -> None:
    shown = project(job)

    assert (shown["status"], shown["stage"], shown["ai_model"]) == (
        status,
        stage,
        ai_model,
    )


def test_what_was_asked_and_what_came_are_shown() -> None:
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
    assert made["generated_by"] == {
        "vendor": "vertex",
        "model": "veo-3.1-generate-001",
    }
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
def test_a_listed_failure_is_told_in_the_readers_language(
    fault: ImageFault | None, field: str | None
) -> None:
    code = ErrorCode.IMAGE_INVALID
    problem = Problem(code=code, image_fault=fault, field=field)
    job = replace(a_new_job(), problem=problem, wake_at=None)

    for stored in (project(job), project(job, Language.KOREAN)):
        for language in Language:
            assert translated(stored, language) == project(job, language)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"image_url": None}, "Runway needs an image: its model can't make a video"),
        ({"last_image": "up2"}, "Runway doesn't take a last frame."),
        ({"resolution": "1080p"}, "Runway doesn't make videos of this resolution."),
    ],
)
def test_a_skipped_provider_says_why_in_the_readers_language(
    asked: dict[str, object], said: str
) -> None:
    job = settle(replace(a_job(**asked), image=IMAGE, last_image=IMAGE), NOON)

    for stored in (project(job), project(job, Language.KOREAN)):
        for language in Language:
            assert translated(stored, language) == project(job, language)
    assert project(job)["attempts"][0]["error"]["message"].startswith(said)


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


@pytest.mark.parametrize(
    ("asked", "beginning"),
    [(None, "Runway did"), (Language.KOREAN, "Runway가")],
)
def test_an_attempts_error_is_told_in_the_readers_language(
    asked: Language | None, beginning: str
) -> None:
    job = answered(a_job(), RUNWAY, Unknown(detail="id sk_123"))

    error = project(job, asked)["attempts"][0]["error"]

    assert error["code"] == "submission_unknown"
    assert error["message"].startswith(beginning)


def test_the_vendors_words_and_ids_are_not_shown() -> None:
    failure = Failed(problem=Problem(code=ErrorCode.PROVIDER_ERROR, detail="sk_123"))
    job = running(a_job(chain=(RUNWAY,)), RUNWAY)
    ended = apply(job, Polled(attempt_id=str(RUNWAY), poll=failure), NOON)

    assert "sk_123" not in str(project(ended))
    assert "task-runway" not in str(project(ended))


def test_an_open_attempt_is_shown_as_running() -> None:
    for job in (started(a_job(), RUNWAY), storing(a_job(), RUNWAY), cancelling()):
        assert project(job)["attempts"][0]["outcome"] == "running"


def test_a_checked_image_alone_is_no_news_to_its_listeners() -> None:
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
    job = polled(running(a_job(), RUNWAY), RUNWAY, working)

    assert project(job)["progress"] == progress


def test_progress_goes_by_the_clock_where_the_vendor_tells_none() -> None:
    job = running(a_job(chain=(VEO,)), VEO)

    looked = apply(job, Polled(attempt_id=VEO, poll=Working()), NOON + MINUTE)

    assert looked.progress == 10 + 78 // 2


def test_progress_never_goes_back() -> None:
    job = polled(running(a_job(), RUNWAY), RUNWAY, Working(progress=0.9))
    assert polled(job, RUNWAY, Working(progress=0.1)).progress == job.progress

    after = not_stored()
    assert started(after, VEO).progress == after.progress == 90
    assert running(after, VEO).progress == 90


def test_a_moment_is_rfc_3339_in_utc() -> None:
    assert moment(NOON + timedelta(microseconds=1999)) == "2026-11-22T12:00:00.001Z"


def test_a_job_speaks_the_language_it_was_made_in() -> None:
    job = replace(a_job(), language=Language.KOREAN).ended(ErrorCode.CANCELLED)

    assert project(job)["error"]["message"] == "작업이 취소되었습니다."
