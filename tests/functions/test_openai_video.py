"""A job in the form of OpenAI's video object."""

import pytest
from openai.types import Video

from functions.openai.video import show_page, show_video
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import Job, Language
from shared.domain.listing import Page
from shared.domain.projection import project
from shared.domain.structs import replace
from tests.domain.examples import (
    DELIVERED,
    MINUTE,
    NOON,
    RUNWAY,
    a_job,
    a_new_job,
    answered,
    completed,
    rejected,
    running,
    storing,
)

UNIX_NOON = 1_795_348_800
DAY_SECONDS = 86_400
FAILED = a_job().ended(ErrorCode.CANCELLED)


def show(job: Job) -> Video:
    """The video parsed strictly as the client's own type; the client itself is lax."""
    return Video.model_validate(show_video(project(job)), strict=True)


def test_every_field_of_the_clients_type_is_there() -> None:
    assert show_video(project(a_new_job())).keys() == Video.model_fields.keys()


@pytest.mark.parametrize(
    ("job", "status"),
    [
        pytest.param(a_new_job(), "queued", id="new"),
        pytest.param(running(a_job(), ProviderId.RUNWAY), "in_progress", id="running"),
        pytest.param(storing(a_job(), ProviderId.RUNWAY), "in_progress", id="storing"),
        pytest.param(
            completed(a_job(), ProviderId.RUNWAY), "completed", id="completed"
        ),
        pytest.param(FAILED, "failed", id="failed"),
    ],
)
def test_a_status_becomes_one_of_openais(job: Job, status: str) -> None:
    assert show(job).status == status


def test_times_are_whole_seconds() -> None:
    video = show(completed(a_job(), ProviderId.RUNWAY, at=NOON + MINUTE))

    assert (video.created_at, video.completed_at) == (UNIX_NOON, UNIX_NOON + 60)
    assert video.expires_at == UNIX_NOON + 30 * DAY_SECONDS


def test_a_job_without_a_video_has_no_completion_time() -> None:
    assert show(FAILED).completed_at is None
    assert show(running(a_job(), ProviderId.RUNWAY)).completed_at is None


def test_before_delivery_a_video_shows_what_was_requested() -> None:
    job = a_new_job(duration=5, resolution="1080p", aspect_ratio="9:16")

    video = show_video(project(job))

    assert (video["seconds"], video["size"]) == ("5", "1080x1920")


def test_after_delivery_a_video_shows_what_was_delivered() -> None:
    job = completed(a_job(duration=5), ProviderId.RUNWAY)
    delivered = replace(DELIVERED, duration_seconds=6.04, width=1920, height=1080)

    video = show_video(project(replace(job, delivered=delivered)))

    assert (video["seconds"], video["size"]) == ("6", "1920x1080")
    assert (video["model"], video["progress"]) == ("auto", 100)


def test_a_failures_message_is_in_the_readers_language() -> None:
    page = Page(videos=(project(FAILED),), next_cursor=None)

    (video,) = show_page(page, Language.KOREAN)["data"]

    assert video["error"] == {"code": "cancelled", "message": "작업이 취소되었습니다."}


@pytest.mark.parametrize(
    ("language", "head", "said"),
    [
        (Language.ENGLISH, "All providers failed. Runway ", "to use Gemini Veo 3.1"),
        (
            Language.KOREAN,
            "모든 영상 생성 API 실패: Runway",
            "Gemini Veo 3.1 사용 권한이",
        ),
    ],
)
def test_a_failure_names_each_providers_reason_as_there_are_no_attempts(
    language: Language, head: str, said: str
) -> None:
    failures = {"runway": "provider_unavailable", "gemini-veo-3.1": "access_denied"}
    attempts = [
        {
            "ai_model": name,
            "outcome": "rejected",
            "error": {"code": code, "message": ""},
        }
        for name, code in failures.items()
    ]
    error = {"code": "all_providers_failed", "message": ""}
    job = {**project(FAILED), "attempts": attempts, "error": error}

    (video,) = show_page(Page(videos=(job,), next_cursor=None), language)["data"]

    message = video["error"]["message"]
    assert message.startswith(head)
    assert said in message
    assert "attempts" not in message


def test_another_error_names_no_providers_reasons() -> None:
    refused = answered(a_job(), RUNWAY, rejected(ErrorCode.PROVIDER_UNAVAILABLE))
    cancelled = project(refused.ended(ErrorCode.CANCELLED))
    assert cancelled["attempts"][0]["error"]

    assert show_video(cancelled)["error"] == cancelled["error"]


def test_a_page_says_whether_there_are_more() -> None:
    videos = tuple(project(a_new_job(job_id=job_id)) for job_id in "ba")

    page = show_page(Page(videos=videos, next_cursor="c"), Language.ENGLISH)

    assert [video["id"] for video in page.pop("data")] == ["b", "a"]
    assert page == {"object": "list", "first_id": "b", "last_id": "a", "has_more": True}


def test_an_empty_page_ends_the_list() -> None:
    page = show_page(Page(videos=(), next_cursor=None), Language.ENGLISH)

    assert (page["data"], page["last_id"], page["has_more"]) == ([], None, False)
