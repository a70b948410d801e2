"""Omni: how an interaction ended, where its video is, and who gets the key."""

from dataclasses import replace
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from structlog.testing import capture_logs

from shared.domain.errors import BadContent, ErrorCode, Unreachable
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Gone,
    PollFailed,
    Succeeded,
    Working,
)
from shared.media.image import MAX_JPEG_BYTES
from shared.ports.providers import BucketFile, InlineFile, WebFile
from shared.providers.omni import omni_by_identity, omni_by_key
from tests.providers.provider_cases import (
    KEY,
    OMNI,
    OMNI_IDENTITY,
    ProviderCase,
    each,
    request_for,
    submitted,
)
from tests.providers.vendor_server import CLOSED_PORT_URL, Reply, Vendor

LARGEST = "A" * (4 * -(-MAX_JPEG_BYTES // 3))  # in base64


def interaction(status: str, **more: object) -> dict[str, object]:
    return {"id": "v1_abc", "object": "interaction", "status": status, **more}


def with_video(status: str = "completed", **video: object) -> dict[str, object]:
    content = [{"type": "video", "mime_type": "video/mp4", **video}]
    steps = [{"type": "model_output", "content": content}]
    return interaction(status, steps=steps)


@each(OMNI, OMNI_IDENTITY)
def test_an_answer_that_repeats_the_largest_image_is_accepted(
    case: ProviderCase,
) -> None:
    """Google's own samples skip the request's steps in what `create` returns."""
    image = {"type": "image", "mime_type": "image/jpeg", "data": LARGEST}
    steps = [{"type": "user_input", "content": [image]}]

    submission = submitted(case, Reply(body={**case.accepted, "steps": steps}))

    assert submission == Accepted(task_id=case.task_id)


ENDS = {
    "completed": ErrorCode.OUTPUT_FILTERED,
    "cancelled": ErrorCode.PROVIDER_ERROR,
    "requires_action": ErrorCode.PROVIDER_ERROR,
    "budget_exceeded": ErrorCode.PROVIDER_ERROR,
    "incomplete": ErrorCode.BAD_OUTPUT,
    "failed": ErrorCode.PROVIDER_ERROR,
}


@pytest.mark.parametrize(("status", "expected"), ENDS.items())
def test_an_end_without_a_video_is_a_failure(status: str, expected: ErrorCode) -> None:
    poll = OMNI.polled(interaction(status))

    assert isinstance(poll, Failed)
    assert poll.problem.code is expected
    assert poll.cost_usd is None
    assert poll.may_come_yet is (status == "completed")


@pytest.mark.parametrize(
    ("more", "may_come_yet"),
    [
        ({"errors": [{"code": "SAFETY", "message": "x"}]}, False),
        ({"text": "The generated video was blocked by our policies."}, False),
        ({"text": "Here is your video."}, True),
    ],
    ids=["an error", "a refusal", "other words"],
)
def test_an_end_with_a_reason_for_no_video_is_final(
    more: dict[str, object], may_come_yet: bool
) -> None:
    content = [{"type": "text", "text": more.pop("text", "")}]
    steps = [{"type": "model_output", "content": content}]

    poll = OMNI.polled(interaction("completed", steps=steps, **more))

    assert isinstance(poll, Failed)
    assert (poll.problem.code, poll.may_come_yet) == (OUTPUT, may_come_yet)


FAULT, FORM = ErrorCode.PROVIDER_ERROR, ErrorCode.INPUT_NOT_ACCEPTED
OUTPUT, REFUSED = ErrorCode.OUTPUT_FILTERED, ErrorCode.PROMPT_REFUSED
ERRORS = [
    ("SAFETY", "blocked", ErrorCode.PROMPT_REFUSED),
    ("SAFETY", "the output was blocked", ErrorCode.OUTPUT_FILTERED),
    ("SAFETY", "the generated video was blocked", ErrorCode.OUTPUT_FILTERED),
    ("SAFETY", "the generated video violates policies", ErrorCode.OUTPUT_FILTERED),
    (None, "The generated video was blocked by our policies", OUTPUT),
    (None, "can't create videos with real people's likenesses", REFUSED),
    (None, "Unable to process input image", ErrorCode.PROVIDER_ERROR),
    ("INVALID_ARGUMENT", "the input image is too small", FORM),
    ("INTERNAL", "service UNAVAILABLE: the model is overloaded", FAULT),
    ("SAFETY", "the input image was blocked", ErrorCode.IMAGE_REFUSED),
    ("SAFETY", "the generated video", OUTPUT),
    ("PROHIBITED_CONTENT", "", ErrorCode.PROMPT_REFUSED),
    ("BLOCKLIST", "", ErrorCode.PROMPT_REFUSED),
    ("content_blocked", "", ErrorCode.PROMPT_REFUSED),
    ("MODERATION", "", ErrorCode.PROMPT_REFUSED),
    ("spii", "", ErrorCode.PROMPT_REFUSED),
    ("recitation", "", OUTPUT),
    ("invalid_request", "duration", FORM),
    ("out_of_range", "duration", FORM),
    ("parameter_unknown", "fps", FORM),
    ("authentication", "no", ErrorCode.ACCESS_DENIED),
    ("permission_denied", "no", ErrorCode.ACCESS_DENIED),
    ("payment_required", "no", ErrorCode.OUT_OF_CREDITS),
    ("model_not_found", "no", ErrorCode.MODEL_UNAVAILABLE),
    ("rate_limit_exceeded", "no", ErrorCode.RATE_LIMITED),
    ("quota_exceeded", "no", ErrorCode.RATE_LIMITED),
    ("too_many_requests", "no", ErrorCode.RATE_LIMITED),
    ("service_unavailable", "no", ErrorCode.PROVIDER_UNAVAILABLE),
    ("api_error", "no", ErrorCode.PROVIDER_ERROR),
    ("POLICY_VIOLATION", "", ErrorCode.PROMPT_REFUSED),
    ("PERMISSION_DENIED", "no", ErrorCode.ACCESS_DENIED),
    ("UNAUTHENTICATED", "no", ErrorCode.ACCESS_DENIED),
    ("RESOURCE_EXHAUSTED", "quota", ErrorCode.RATE_LIMITED),
    ("UNAVAILABLE", "busy", ErrorCode.PROVIDER_UNAVAILABLE),
    ("INVALID_ARGUMENT", "duration", ErrorCode.INPUT_NOT_ACCEPTED),
    ("INTERNAL", "oops", ErrorCode.PROVIDER_ERROR),
    (None, None, ErrorCode.PROVIDER_ERROR),
]


@pytest.mark.parametrize(("code", "message", "expected"), ERRORS)
def test_a_failed_interactions_error_is_classified(
    code: str | None, message: str | None, expected: ErrorCode
) -> None:
    errors = [{"code": code, "message": message}]

    poll = OMNI.polled(interaction("failed", errors=errors))

    assert isinstance(poll, Failed)
    assert poll.problem.code is expected


@pytest.mark.parametrize(
    ("message", "cost_usd"), [("You will not be charged", 0), ("oops", None)]
)
def test_a_failure_whose_message_says_so_was_free(
    message: str, cost_usd: int | None
) -> None:
    poll = OMNI.polled(
        interaction("failed", errors=[{"code": "X", "message": message}])
    )

    assert isinstance(poll, Failed)
    assert poll.cost_usd == cost_usd
    assert poll.problem.detail == f"X: {message}"


@each(OMNI, OMNI_IDENTITY)
def test_a_long_interaction_is_not_continued_by_another_paid_post(
    case: ProviderCase,
) -> None:
    """In the background, Google itself continues it; else the SDK would."""
    reply = {"status": "requires_continuation", "continuation_token": "t"}

    submission = submitted(case, Reply(body={**case.accepted, **reply}))

    assert submission == Accepted(task_id=case.task_id)


def test_queued_and_in_progress_are_working() -> None:
    with capture_logs() as logs:
        assert OMNI.polled(interaction("queued")) == Working(queued=True)
        assert OMNI.polled(interaction("in_progress")) == Working()
        assert OMNI.polled(interaction("requires_continuation")) == Working()

    assert logs == []


def test_a_video_that_is_neither_here_nor_elsewhere_may_come_yet() -> None:
    poll = OMNI.polled(with_video())

    assert isinstance(poll, Failed)
    assert poll.may_come_yet


def test_an_unknown_status_counts_as_working_and_is_logged() -> None:
    with capture_logs() as logs:
        assert OMNI.polled(interaction("dreaming")) == Working()

    assert [(log["event"], log["status"]) for log in logs] == [
        ("task_status_unknown", "dreaming")
    ]


def test_an_answer_without_a_status_is_a_failed_poll() -> None:
    assert isinstance(OMNI.polled({"id": "v1_abc"}), PollFailed)


def test_a_task_may_be_gone_by_a_code_in_words() -> None:
    body = {"error": {"code": "not_found", "message": "Interaction not found"}}

    with Vendor(Reply(status=404, body=body)) as server:
        assert isinstance(OMNI.make(server.url).poll(OMNI.task()), Gone)


def test_the_agent_platform_writes_its_video_into_our_bucket() -> None:
    uri = "gs://b/incoming/1/a/sample_0.mp4"

    with Vendor(Reply(body=with_video(uri=uri))) as server:
        provider = OMNI_IDENTITY.make(server.url)

        assert provider.poll(OMNI.task()) == Succeeded(gs_uri=uri)
        assert provider.fetch(OMNI.task()) == BucketFile(gs_uri=uri)
    assert server.received[0].path == (
        "/v1beta1/projects/p/locations/global/interactions/v1_abc?stream=false"
    )


def test_a_video_for_an_unreachable_bucket_comes_inside_the_answer() -> None:
    with Vendor(Reply(body=OMNI.accepted)) as server:
        omni_by_identity(
            project="p",
            credentials=Credentials(token="ya29.TEST"),
            base_url=server.url,
            inline=True,
        ).start(request_for(OMNI))
    body: Any = server.received[0].body

    assert body["response_format"]["delivery"] == "inline"
    assert "gcs_uri" not in body["response_format"]


@pytest.mark.parametrize(
    ("case", "name"),
    [(OMNI, "gemini-omni-1.1-flash"), (OMNI_IDENTITY, "gemini-omni-1.1-flash-preview")],
    ids=["gemini-api", "agent-platform"],
)
def test_a_model_is_asked_for_by_its_platforms_name(
    case: ProviderCase, name: str
) -> None:
    with Vendor(Reply(body=case.accepted)) as server:
        order = request_for(replace(case, model_id="gemini-omni-1.1-flash"))
        case.make(server.url).start(order)
    body: Any = server.received[0].body

    assert body["model"] == name


def test_without_an_address_the_gemini_api_is_called() -> None:
    url = "https://generativelanguage.googleapis.com"

    assert omni_by_key(api_key=KEY, base_url=None).access.base_url == url


def test_the_key_is_sent_to_the_apis_own_origin() -> None:
    with Vendor(Reply()) as server:
        url = f"{server.url}/v1beta/files/x:download?alt=media"
        server.reply = Reply(body=with_video(uri=url))
        file = OMNI.make(server.url).fetch(OMNI.task())

    assert file == WebFile(
        url=url, headers={"x-goog-api-key": KEY}, trusted_origin=server.url
    )


@pytest.mark.parametrize("url", ["https://cdn.example/x.mp4", "https://127.0.0.1/x"])
def test_the_key_is_never_sent_to_another_origin(url: str) -> None:
    file = OMNI.fetched(with_video(uri=url))

    assert isinstance(file, WebFile)
    assert file.headers == {}


def test_a_video_inside_the_answer_is_decoded() -> None:
    assert OMNI.fetched(with_video(data="AAAA")) == InlineFile(content=b"\0\0\0")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (interaction("in_progress"), Unreachable),
        (with_video("in_progress", data="AAAA"), Unreachable),
        (interaction("failed"), BadContent),
        (with_video("failed", data="AAAA"), BadContent),
        (with_video(uri="ftp://b/x.mp4"), BadContent),
        (with_video(data="!!!"), BadContent),
    ],
    ids=[
        *("running", "running, with a part"),
        *("failed", "failed, with a part"),
        *("no-web-address", "no-base64"),
    ],
)
def test_a_fetch_without_a_video_says_why(body: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        OMNI.fetched(body)


@pytest.mark.parametrize(
    "body",
    [
        interaction("failed", errors=[7]),
        interaction("failed", errors=[{"code": "X", "message": ["m"]}]),
        with_video(uri=["https://a.example/v.mp4"]),
        with_video(data=7),
    ],
    ids=["an error", "its message", "an address", "a video"],
)
def test_an_unexpected_answer_is_a_failed_poll(body: object) -> None:
    """The SDK accepts any JSON as an interaction."""
    with pytest.raises(Unreachable):
        OMNI.fetched(body)
    assert not isinstance(OMNI.polled(body), Failed)


def test_the_environment_does_not_turn_it_into_an_agent_platform_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-other")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", CLOSED_PORT_URL)

    with Vendor(Reply(body=interaction("queued"))) as server:
        OMNI.make(server.url).poll(OMNI.task())

    assert server.received[0].headers["x-goog-api-key"] == KEY
