"""Runway tasks: read alike over both transports, and fetched by a fresh URL."""

import socket
from decimal import Decimal
from typing import cast

import pytest
import requests
from structlog.testing import capture_logs

from shared.domain.errors import BadContent, ErrorCode, Unreachable
from shared.domain.outcomes import Accepted, Failed, PollFailed, Unknown, Working
from shared.ports.providers import WebFile
from shared.providers import runway_wire
from shared.providers.rejection import HttpResponse
from shared.providers.runway import MakeTransport, Runway
from shared.providers.runway_http import FAULTS, HttpTransport
from shared.providers.runway_sdk import SdkTransport
from tests.providers.provider_cases import (
    PROMPT,
    RUNWAY,
    RUNWAY_HTTP,
    ProviderCase,
    each,
    request_for,
)
from tests.providers.vendor_server import CLOSED_PORT_URL, Reply, Vendor

both = each(RUNWAY, RUNWAY_HTTP)

FAILURES = {
    "SAFETY.INPUT.TEXT": ErrorCode.PROMPT_REFUSED,
    "SAFETY.INPUT.IMAGE": ErrorCode.IMAGE_REFUSED,
    "SAFETY.OUTPUT.VIDEO": ErrorCode.OUTPUT_FILTERED,
    "SAFETY": ErrorCode.PROMPT_REFUSED,
    "INPUT_PREPROCESSING.SAFETY.TEXT": ErrorCode.PROMPT_REFUSED,
    "INPUT_PREPROCESSING.SAFETY.IMAGE": ErrorCode.IMAGE_REFUSED,
    "INPUT_PREPROCESSING.SAFETY.THIRD_PARTY": ErrorCode.PROMPT_REFUSED,
    "INPUT_PREPROCESSING.INTERNAL": ErrorCode.PROVIDER_ERROR,
    "INTERNAL.BAD_OUTPUT.CODE01": ErrorCode.BAD_OUTPUT,
    "INTERNAL": ErrorCode.PROVIDER_ERROR,
    "THIRD_PARTY.UNAVAILABLE": ErrorCode.PROVIDER_UNAVAILABLE,
    "THIRD_PARTY.INPUT_VALIDATION": ErrorCode.INPUT_NOT_ACCEPTED,
    "ASSET.INVALID": ErrorCode.INPUT_NOT_ACCEPTED,
    "SOMETHING.NEW": ErrorCode.PROVIDER_ERROR,
    None: ErrorCode.PROVIDER_ERROR,
}


@pytest.mark.parametrize(("failure_code", "expected"), FAILURES.items())
def test_a_failure_code_is_classified(
    failure_code: str | None, expected: ErrorCode
) -> None:
    task = {"status": "FAILED", "failureCode": failure_code, "cost": {"credits": 7.3}}

    poll = runway_wire.read_task(task)

    assert isinstance(poll, Failed)
    assert poll.problem.code is expected
    assert poll.cost_usd == Decimal("0.073")


@pytest.mark.parametrize(
    ("failure_code", "failure", "expected"),
    [
        (None, "Text did not pass content moderation", ErrorCode.PROMPT_REFUSED),
        ("THIRD_PARTY.NEW", "The image was blocked", ErrorCode.IMAGE_REFUSED),
        (None, "An unexpected error occurred.", ErrorCode.PROVIDER_ERROR),
        ("INTERNAL.BAD_OUTPUT", "The image was blocked", ErrorCode.BAD_OUTPUT),
    ],
)
def test_a_failure_without_a_known_code_is_classified_by_its_words(
    failure_code: str | None, failure: str, expected: ErrorCode
) -> None:
    task = {"status": "FAILED", "failureCode": failure_code, "failure": failure}

    poll = runway_wire.read_task(task)

    assert isinstance(poll, Failed)
    assert poll.problem.code is expected


@pytest.mark.parametrize(
    "cost",
    [
        None,
        {},
        {"credits": "5"},
        {"credits": True},
        {"credits": -1},
        {"credits": float("inf")},
        {"credits": float("nan")},
        "free",
    ],
)
def test_an_invalid_cost_is_ignored(cost: object) -> None:
    poll = runway_wire.read_task({"status": "CANCELLED", "cost": cost})
    body = {"id": "1", "estimatedCost": cost}
    accepted = runway_wire.read_submission(
        HttpResponse(status=200, body=body, headers={})
    )

    assert isinstance(poll, Failed)
    assert poll.cost_usd is None
    assert accepted == Accepted(task_id="1")


def test_a_failure_whose_message_says_so_was_free() -> None:
    words = "You will not be charged. key_secret"
    free = runway_wire.read_task({"status": "FAILED", "failure": words})
    charged = runway_wire.read_task(
        {"status": "FAILED", "failure": words, "cost": {"credits": 5}}
    )

    assert isinstance(free, Failed)
    assert isinstance(charged, Failed)
    assert (free.cost_usd, charged.cost_usd) == (Decimal(0), Decimal("0.05"))
    assert "secret" not in free.problem.detail


@pytest.mark.parametrize("output", [None, [], [""], [None], [5], "x"])
def test_success_without_a_url_is_a_bad_output(output: object) -> None:
    poll = runway_wire.read_task({"status": "SUCCEEDED", "output": output})

    assert isinstance(poll, Failed)
    assert (poll.problem.code, poll.may_come_yet) == (ErrorCode.BAD_OUTPUT, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((2, 1.0), (-1, 0.0), (0.5, 0.5), (10**400, 1.0)),
        *(("x", None), (True, None), (float("nan"), None)),
    ],
    ids=["2", "-1", "0.5", "too large for a float", "text", "true", "NaN"],
)
def test_progress_is_clamped_between_0_and_1(
    value: object, expected: float | None
) -> None:
    poll = runway_wire.read_task({"status": "RUNNING", "progress": value})

    assert poll == Working(progress=expected)


def test_an_unknown_status_counts_as_working_and_is_logged() -> None:
    with capture_logs() as logs:
        assert runway_wire.read_task({"status": "PENDING"}) == Working()
        poll = runway_wire.read_task({"status": "DREAMING"})

    assert poll == Working()
    assert [(log["event"], log["status"]) for log in logs] == [
        ("task_status_unknown", "DREAMING")
    ]


@both
def test_a_fetch_asks_for_a_fresh_url(case: ProviderCase) -> None:
    task = {"status": "SUCCEEDED", "output": ["https://cdn.example/x.mp4?_jwt=a"]}

    with Vendor(Reply(body=task)) as server:
        provider = case.make(server.url)
        provider.fetch(case.task())
        file = provider.fetch(case.task())

    assert file == WebFile(
        url="https://cdn.example/x.mp4?_jwt=a", trusted_origin=server.url
    )
    assert len(server.received) == 2


def test_only_the_settings_origin_is_trusted() -> None:
    class Answering:
        faults = FAULTS

        def retrieve(self, *_: object, **__: object) -> HttpResponse:
            body = {"status": "SUCCEEDED", "output": ["https://cdn.example/x.mp4"]}
            return HttpResponse(status=200, body=body, headers={})

    made = cast(MakeTransport, lambda **_: Answering())
    provider = Runway(made, api_key="k", base_url=None)

    assert provider.fetch(RUNWAY.task()).trusted_origin is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"status": "RUNNING"}, Unreachable),
        ({"status": "FAILED"}, BadContent),
        ({"status": "FAILED", "output": ["https://a.example/v.mp4"]}, BadContent),
        ({"status": "SUCCEEDED", "output": []}, BadContent),
    ],
    ids=["running", "failed", "failed, with a file", "empty"],
)
@both
def test_a_fetch_without_a_file_says_why(
    case: ProviderCase, body: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        case.fetched(body)


def test_an_error_of_the_transport_is_reported_without_key_and_prompt() -> None:
    """A key of another form than Runway's is not recognized by its form."""

    class Failing:
        faults = FAULTS

        def retrieve(self, *_: object) -> HttpResponse:
            raise requests.RequestException(f"can't send sesame: {PROMPT}")

        create = retrieve

    made = cast(MakeTransport, lambda **_: Failing())
    provider = Runway(made, api_key="sesame", base_url=None)
    poll, start = provider.poll(RUNWAY.task()), provider.start(request_for(RUNWAY))

    assert poll == PollFailed(detail=f"RequestException: can't send …: {PROMPT}")
    assert start == Unknown(detail="RequestException: can't send …: …")
    with pytest.raises(Unreachable, match="can't send …:"):
        provider.fetch(RUNWAY.task())


@pytest.mark.parametrize("transport", [SdkTransport, HttpTransport])
def test_without_an_address_runways_own_is_called(
    transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def unknown_name(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    Runway(transport, api_key="key_mine", base_url=None).poll(RUNWAY.task())

    assert asked == ["api.dev.runwayml.com"]


def test_the_environment_sets_neither_url_nor_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNWAYML_BASE_URL", CLOSED_PORT_URL)
    monkeypatch.setenv("RUNWAYML_API_SECRET", "key_other")
    monkeypatch.setenv("HTTP_PROXY", CLOSED_PORT_URL)

    with Vendor(Reply(body={"status": "PENDING"})) as server:
        for transport in (SdkTransport, HttpTransport):
            provider = Runway(transport, api_key="key_mine", base_url=server.url)
            provider.poll(RUNWAY.task())

    keys = [each.headers["authorization"] for each in server.received]
    assert keys == ["Bearer key_mine"] * 2
