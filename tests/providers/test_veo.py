"""Veo: a finished operation succeeded only if it has a video."""

from decimal import Decimal
from typing import Any

import pytest
from google.auth import exceptions as auth_errors
from google.auth.credentials import Credentials

from shared.domain.errors import BadContent, ErrorCode, Unreachable
from shared.domain.outcomes import (
    Failed,
    NotSent,
    PollFailed,
    Succeeded,
    Unknown,
    Working,
)
from shared.ports.providers import BucketFile, InlineFile, TaskRef
from shared.providers import google_client
from shared.providers.paid_post import SendState
from shared.providers.response_limits import MAX_BYTES
from shared.providers.veo import Veo
from tests.providers.provider_cases import OPERATION, PROMPT, VEO, request_for
from tests.providers.vendor_server import CLOSED_PORT_URL, Reply, Vendor


def ended_in(code: object, message: str) -> dict[str, object]:
    error = {"code": code, "message": message}
    return {"name": OPERATION, "done": True, "error": error}


def done(response: dict[str, object] | None) -> dict[str, object]:
    return {"name": OPERATION, "done": True, "response": response}


FORM, IMAGE = ErrorCode.INPUT_NOT_ACCEPTED, ErrorCode.IMAGE_REFUSED
OUTPUT = ErrorCode.OUTPUT_FILTERED
ERRORS = [
    (3, "The prompt couldn't be submitted", ErrorCode.PROMPT_REFUSED, None),
    (3, "Blocked. Support codes: 58061214", ErrorCode.PROMPT_REFUSED, None),
    (3, "The input image violates rules", IMAGE, None),
    (3, "The input image was blocked. You will not be charged.", IMAGE, Decimal(0)),
    (3, "Unable to process input image. Please retry", FORM, Decimal(0)),
    (3, "Provided image is not valid.", FORM, Decimal(0)),
    (13, "Internal error. Support codes: 123", ErrorCode.PROVIDER_ERROR, None),
    (13, "The generated video was blocked by policies", OUTPUT, None),
    (3, "bad duration", ErrorCode.INPUT_NOT_ACCEPTED, Decimal(0)),
    (5, "Model x was not found", ErrorCode.MODEL_UNAVAILABLE, None),
    (7, "no right", ErrorCode.ACCESS_DENIED, Decimal(0)),
    (8, "quota", ErrorCode.RATE_LIMITED, Decimal(0)),
    (9, "something else", ErrorCode.PROVIDER_ERROR, None),
    (13, "internal", ErrorCode.PROVIDER_ERROR, None),
    (13, "Service agents are being provisioned", ErrorCode.PROVIDER_ERROR, None),
    (14, "overloaded", ErrorCode.PROVIDER_UNAVAILABLE, None),
    (99, "new", ErrorCode.PROVIDER_ERROR, None),
    (16, "no identity", ErrorCode.ACCESS_DENIED, Decimal(0)),
    ("odd", "new", ErrorCode.PROVIDER_ERROR, None),
]


@pytest.mark.parametrize(("code", "message", "expected", "cost_usd"), ERRORS)
def test_an_operations_error_is_classified_by_code_and_message(
    code: object, message: str, expected: ErrorCode, cost_usd: Decimal | None
) -> None:
    poll = VEO.polled(ended_in(code, message))

    assert isinstance(poll, Failed)
    assert (poll.problem.code, poll.cost_usd) == (expected, cost_usd)
    assert poll.problem.detail == f"code {code}: {message}"
    assert not poll.ask_again


def test_a_project_being_set_up_is_free_and_asked_again() -> None:
    poll = VEO.polled(ended_in(9, "Service agents are being provisioned"))

    assert isinstance(poll, Failed)
    assert poll.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert poll.ask_again
    assert poll.cost_usd == 0


AUDIO_FILTERED = (
    "We encountered an issue with the audio for your prompt, which means we could "
    "not create your video. This can sometimes happen due to our safety filters."
)
LIKENESS = "We can't create videos with real people's names or likenesses."


def filtered(reason: str) -> dict[str, object]:
    return {"raiMediaFilteredReasons": [reason]}


NO_VIDEO: list[tuple[dict[str, object] | None, ErrorCode, Decimal | None]] = [
    ({"raiMediaFilteredCount": 1}, OUTPUT, None),
    (filtered("1 video was filtered. Support codes: 1"), OUTPUT, None),
    (filtered("Could not generate. You will not be charged."), OUTPUT, Decimal(0)),
    (filtered(AUDIO_FILTERED), OUTPUT, None),
    (filtered("The prompt could not be submitted."), ErrorCode.PROMPT_REFUSED, None),
    (filtered(LIKENESS), ErrorCode.PROMPT_REFUSED, None),
    ({"videos": [{"mimeType": "video/mp4"}]}, ErrorCode.PROVIDER_ERROR, None),
    ({"videos": []}, ErrorCode.PROVIDER_ERROR, None),
    (None, ErrorCode.PROVIDER_ERROR, None),
]


@pytest.mark.parametrize(("response", "expected", "cost_usd"), NO_VIDEO)
def test_an_operation_that_is_done_without_a_video_has_failed(
    response: dict[str, object] | None, expected: ErrorCode, cost_usd: Decimal | None
) -> None:
    poll = VEO.polled(done(response))

    assert isinstance(poll, Failed)
    assert (poll.problem.code, poll.cost_usd) == (expected, cost_usd)
    assert poll.may_come_yet is (expected is ErrorCode.PROVIDER_ERROR)


SIGNED = "see https://a.example/1.png?sig=secret"


@pytest.mark.parametrize("body", [ended_in(13, SIGNED), done(filtered(SIGNED))])
def test_the_reason_for_no_video_is_redacted(body: object) -> None:
    poll = VEO.polled(body)

    assert isinstance(poll, Failed)
    assert str(poll.problem.detail).endswith("see https://a.example/1.png?…")


SHOWN = {"videos": [{"gcsUri": "gs://b/1.mp4", "mimeType": "video/mp4"}]}


@pytest.mark.parametrize(
    "body",
    [
        done({"raiMediaFilteredCount": 1, **SHOWN}),
        ended_in(13, "internal") | {"response": SHOWN},
    ],
    ids=["a filtered count", "an error"],
)
def test_a_video_beside_something_else_is_a_success(body: dict[str, object]) -> None:
    assert VEO.polled(body) == Succeeded(gs_uri="gs://b/1.mp4")


def test_a_video_counts_only_once_its_operation_is_done() -> None:
    assert VEO.polled({**done({**SHOWN}), "done": False}) == Working()


def test_an_operation_without_a_name_is_a_failed_poll() -> None:
    task = TaskRef(task_id="")

    assert isinstance(VEO.make("http://127.0.0.1:9").poll(task), PollFailed)


FETCHES: list[tuple[dict[str, object], object]] = [
    (done({"videos": [{"gcsUri": "gs://b/1.mp4"}]}), BucketFile(gs_uri="gs://b/1.mp4")),
    (
        done({"videos": [{"bytesBase64Encoded": "AAAA" * MAX_BYTES}]}),
        InlineFile(content=b"\0\0\0" * MAX_BYTES),
    ),
]


@pytest.mark.parametrize(("body", "expected"), FETCHES, ids=["bucket", "inline"])
def test_a_fetch_returns_the_video_in_any_form(body: object, expected: object) -> None:
    assert VEO.fetched(body) == expected


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": OPERATION}, Unreachable),
        (done({}), BadContent),
        (ended_in(13, "x"), BadContent),
    ],
    ids=["running", "empty", "error"],
)
def test_a_fetch_without_a_video_says_why(body: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        VEO.fetched(body)


def test_veo_cannot_cancel() -> None:
    assert VEO.make("http://127.0.0.1:9").cancel(VEO.task())


class Token(Credentials):
    """Credentials that give a token, or raise `error` when refreshed."""

    def __init__(self, *, error: Exception | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # google-auth has no type there
        self.error = error
        self.refreshes = 0

    def refresh(self, request: object) -> None:
        self.refreshes += 1
        if self.error:
            raise self.error
        self.token = "ya29.fresh"


def veo(base_url: str, token: Token, *, inline: bool = False) -> Veo:
    return Veo(
        project="p",
        location="us-central1",
        credentials=token,
        base_url=base_url,
        inline=inline,
    )


def test_without_a_bucket_image_and_video_are_inside_the_messages() -> None:
    with Vendor(Reply(body=VEO.accepted)) as server:
        provider = veo(server.url, Token(), inline=True)
        provider.start(request_for(VEO))
    body: Any = server.received[0].body

    image = {"bytesBase64Encoded": "/9j/LWltYWdl", "mimeType": "image/jpeg"}
    assert body["instances"][0]["image"] == image
    assert "storageUri" not in body["parameters"]
    assert not provider.writes_into_bucket
    assert veo(server.url, Token()).writes_into_bucket


@pytest.mark.parametrize(
    ("audio", "sound"), [(None, True), (True, True), (False, False)]
)
def test_sound_is_requested_unless_it_is_unwanted(
    audio: bool | None, sound: bool
) -> None:
    with Vendor(Reply(body=VEO.accepted)) as server:
        VEO.make(server.url).start(request_for(VEO, audio=audio))
    body: Any = server.received[0].body

    assert body["parameters"]["generateAudio"] is sound


AUTH = [
    (auth_errors.RefreshError("no"), ErrorCode.ACCESS_DENIED),
    (auth_errors.DefaultCredentialsError("none"), ErrorCode.ACCESS_DENIED),
    (auth_errors.TransportError("down"), ErrorCode.PROVIDER_UNAVAILABLE),
    (auth_errors.RefreshError("x", retryable=True), ErrorCode.PROVIDER_UNAVAILABLE),
]


@pytest.mark.parametrize(("error", "expected"), AUTH)
def test_without_a_token_nothing_is_sent(error: Exception, expected: ErrorCode) -> None:
    with Vendor(Reply(body=VEO.accepted)) as server:
        outcome = veo(server.url, Token(error=error)).start(request_for(VEO))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is expected
    assert server.connections == 0


def test_without_a_token_after_sending_the_outcome_is_unknown() -> None:
    error = auth_errors.RefreshError(f"no token for {PROMPT}")

    outcome = google_client.submission_of(error, SendState(started=True), PROMPT)

    assert outcome == Unknown(detail="RefreshError: no token for …")


def test_a_401_is_not_retried_with_a_fresh_token() -> None:
    token = Token()

    with Vendor(Reply(status=401, body=VEO.error(401))) as server:
        veo(server.url, token).start(request_for(VEO))

    assert len(server.posts()) == 1
    assert token.refreshes == 1


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_a_location_has_its_own_host(location: str, host: str) -> None:
    with_host = Veo(project="p", location=location)

    assert with_host.access.base_url == f"https://{host}"


def named(location: str) -> TaskRef:
    """An operation of another project, in this location."""
    place = f"projects/old-project/locations/{location}"
    name = f"{place}/publishers/google/models/m/operations/1"
    return TaskRef(task_id=name)


MADE = done({"videos": [{"gcsUri": "gs://b/1.mp4"}]})


@pytest.mark.parametrize(
    "location", ["europe-west4", "us-west10", "global", "us", "eu"]
)
def test_a_task_is_followed_where_it_was_started_whatever_is_set_now(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    with Vendor(Reply(body=MADE)) as old, Vendor(Reply(status=404)) as new:
        hosts = {location: old.url, "us-central1": new.url}
        monkeypatch.setattr(google_client, "_agent_platform", hosts.__getitem__)
        now = Veo(project="p", location="us-central1", credentials=Token())
        task = named(location)

        assert now.poll(task) == Succeeded(gs_uri="gs://b/1.mp4")
        assert now.fetch(task) == BucketFile(gs_uri="gs://b/1.mp4")
    assert new.received == []
    method = f"{task.task_id.rpartition('/operations/')[0]}:fetchPredictOperation"
    assert {each.path for each in old.received} == {f"/v1beta1/{method}"}


@pytest.mark.parametrize(
    "location",
    [
        "evil.example#",
        "evil.example/",
        "l",
        "a-b1.evil.example",
        "us-east5\n",
        "Us-east5",
    ],
)
def test_a_host_is_only_derived_from_the_name_of_a_location(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    asked: list[str] = []

    def host(location: str) -> str:
        asked.append(location)
        return CLOSED_PORT_URL

    monkeypatch.setattr(google_client, "_agent_platform", host)
    now = Veo(project="p", location="us-central1", credentials=Token())

    assert isinstance(now.poll(named(location)), PollFailed)
    assert set(asked) == {"us-central1"}


def test_an_address_in_the_settings_is_used_for_every_location() -> None:
    with Vendor(Reply(body=MADE)) as server:
        polled = veo(server.url, Token()).poll(named("europe-west4"))

    assert polled == Succeeded(gs_uri="gs://b/1.mp4")
