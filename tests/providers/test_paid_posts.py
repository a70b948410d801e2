"""Each provider sends its paid POST once, and reports only what is proven."""

import json
import socket
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN, ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import AttemptState
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from shared.providers import response_limits
from shared.providers.google_errors import GOOGLE
from shared.providers.omni import omni_by_key
from shared.providers.rejection import HttpResponse, VendorErrors, outcome_of_error
from shared.providers.runway_errors import RUNWAY as RUNWAY_ERRORS
from tests.domain.examples import a_job
from tests.providers.provider_cases import (
    KEY,
    OMNI,
    OMNI_IDENTITY,
    PROMPT,
    PROVIDERS,
    RUNWAY,
    RUNWAY_HTTP,
    VEO,
    ProviderCase,
    each,
    request_for,
    submitted,
)
from tests.providers.vendor_server import CLOSED_PORT_URL, Conduct, Reply, Vendor
from tests.usecases.harness import Harness

UNKNOWN = "unknown"
# By status of an answer in the vendor's own JSON: the rejection's code, or unknown.
ANSWERS: dict[int, str] = {
    307: UNKNOWN,
    400: ErrorCode.INPUT_NOT_ACCEPTED,
    401: ErrorCode.ACCESS_DENIED,
    402: ErrorCode.OUT_OF_CREDITS,
    403: ErrorCode.ACCESS_DENIED,
    404: ErrorCode.MODEL_UNAVAILABLE,
    429: ErrorCode.RATE_LIMITED,
    503: ErrorCode.PROVIDER_UNAVAILABLE,
    **dict.fromkeys((408, 409, 413, 422, 425, 499, 500, 502, 504, 520), UNKNOWN),
}
RUNWAY_ANSWERS = {
    **ANSWERS,
    405: ErrorCode.PROVIDER_ERROR,
    422: ErrorCode.INPUT_NOT_ACCEPTED,
}
# A proxy's answer proves nothing about a request that the vendor may have accepted.
PROXY_STATUSES = (400, 404, 408, 409, 425, 429, 499, 500, 502, 503, 504)
TEXT = (
    "upstream connect error or disconnect/reset before headers. reset reason: "
    "connection termination"
)
# The `error` field in JSON that Envoy, nginx and API gateways write.
GATEWAY_WORDS = (
    "upstream request timeout",
    "Bad Gateway",
    "no healthy upstream",
    "overloaded",
    TEXT,
)
HTML = "<html><h1>503 Service Temporarily Unavailable</h1>nginx</html>"


def code_of(outcome: Submission) -> str:
    match outcome:
        case Unknown():
            return UNKNOWN
        case Accepted():
            return outcome.task_id
        case Rejected() | NotSent():
            return outcome.problem.code


@pytest.mark.parametrize(
    ("case", "status", "expected"),
    [
        pytest.param(case, status, expected, id=f"{case.name}-{status}")
        for case in PROVIDERS
        for status, expected in (RUNWAY_ANSWERS if case.is_runway else ANSWERS).items()
    ],
)
def test_a_vendors_own_error_is_classified_by_the_table(
    case: ProviderCase, status: int, expected: str
) -> None:
    headers = {"Location": "/elsewhere"} if status == 307 else {}

    outcome = submitted(
        case, Reply(status=status, body=case.error(status), headers=headers)
    )

    assert code_of(outcome) == expected
    assert isinstance(outcome, Unknown | Rejected)
    if isinstance(outcome, Rejected):
        words = "boom" if case.is_runway else "WORD: boom"
        assert outcome.problem.detail == words


@pytest.mark.parametrize("status", [400, 409, 429, 503])
@each(RUNWAY, RUNWAY_HTTP, VEO, OMNI)
def test_a_proxys_answer_is_unknown(case: ProviderCase, status: int) -> None:
    with Vendor(Reply()) as server:
        provider = case.make(server.url)
        for nth, body in enumerate((TEXT, HTML, {"message": "no upstream"}), 1):
            server.reply = Reply(status=status, body=body)
            outcome = provider.start(request_for(case))
            assert isinstance(outcome, Unknown), body
            assert "upstream" in outcome.detail or body is HTML
            assert len(server.posts()) == nth


@pytest.mark.parametrize("status", PROXY_STATUSES)
@pytest.mark.parametrize(
    ("rules", "other"),
    [(RUNWAY_ERRORS, VEO), (GOOGLE, RUNWAY)],
    ids=["runway", "google"],
)
def test_json_that_is_not_the_vendors_own_is_unknown(
    rules: VendorErrors, other: ProviderCase, status: int
) -> None:
    bodies: list[object] = [
        {},
        [],
        None,
        "",
        {"error": None},
        {"error": ""},
        {"error": {"type": "server_error", "message": "overloaded"}},
        {"error": {"code": status, "status": "X"}},
        {"error": {"code": status, "message": "no"}},
        {"error": {"code": status, "message": "no", "status": ""}},
        {"error": {"code": status, "message": "no", "status": 5}},
        {"error": {"code": "", "message": "no model"}},
        {"error": {"code": "busy", "message": "no model", "type": "server_error"}},
        VEO.error(status + 1),
        other.error(status),
    ]
    if status >= 500:
        bodies.extend({"error": words} for words in GATEWAY_WORDS)
        bodies.append({"error": "Bad Gateway", "statusCode": status})
        bodies.append({"error": "no", "docUrl": "https://docs.gateway.example/503"})
        bodies.append({"error": {"code": "busy", "message": "later"}})
    if status == 404:
        bodies.append({"error": "Not Found"})
        bodies.append({"error": {"code": "not_found", "message": "No such page"}})
    for body in bodies:
        answer = HttpResponse(status=status, body=body, headers={})
        assert isinstance(outcome_of_error(answer, rules), Unknown), body


@each()
@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_id_in_a_2xx_is_accepted(case: ProviderCase, status: int) -> None:
    most = Decimal("0.25") if case.is_runway else None

    outcome = submitted(case, Reply(status=status, body=case.accepted))

    assert outcome == Accepted(task_id=case.task_id, max_cost_usd=most)


UNUSABLE = {
    "html": Reply(body="<html>Welcome</html>"),
    "no id": Reply(body={"status": "in_progress"}),
    "empty id": Reply(body={"id": "", "name": ""}),
    "null": Reply(body={"id": None, "name": None}),
    "a list": Reply(body=[]),
    "an id that is no text": Reply(body={"id": 5, "name": 5}),
    "dropped": Reply(conduct=Conduct.DROP_READ),
    "endless": Reply(conduct=Conduct.FLOOD),
}


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("reply", UNUSABLE.values(), ids=UNUSABLE)
@each()
def test_an_answer_without_an_id_is_unknown(
    case: ProviderCase, reply: Reply, status: int
) -> None:
    assert isinstance(submitted(case, replace(reply, status=status)), Unknown)


@each()
def test_an_id_beside_an_error_is_no_acceptance(case: ProviderCase) -> None:
    reply = Reply(status=400, body={**case.accepted, **case.error(400)})

    assert isinstance(submitted(case, reply), Rejected)


@pytest.mark.parametrize(("over", "expected"), [(0, Accepted), (1, Unknown)])
@each()
def test_an_answer_that_is_too_large_is_unknown(
    case: ProviderCase, over: int, expected: type[Submission]
) -> None:
    bare_bytes = len(json.dumps({**case.accepted, "more": ""}))
    more = "x" * (case.max_answer_bytes - bare_bytes + over)

    outcome = submitted(case, Reply(body={**case.accepted, "more": more}))

    assert isinstance(outcome, expected)


@each()
def test_a_compressed_answer_is_unknown(case: ProviderCase) -> None:
    packed = Reply(body=case.accepted, headers={"Content-Encoding": "gzip"})

    assert isinstance(submitted(case, packed), Unknown)


@each()
def test_a_connection_dropped_unread_is_unknown(case: ProviderCase) -> None:
    with Vendor(Reply(conduct=Conduct.DROP_UNREAD)) as server:
        outcome = case.make(server.url).start(request_for(case))

    assert isinstance(outcome, Unknown)
    assert server.connections == 1


@each()
def test_a_refused_connection_means_not_sent(case: ProviderCase) -> None:
    outcome = case.make(CLOSED_PORT_URL).start(request_for(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert "Connect" in outcome.problem.detail


@each()
def test_an_unknown_host_name_means_not_sent(
    case: ProviderCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown_name(*_: object, **__: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    outcome = case.make("http://vendor.invalid").start(request_for(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE


@each()
def test_a_failed_tls_handshake_means_not_sent(case: ProviderCase) -> None:
    with Vendor(Reply(body=case.accepted)) as server:
        https = server.url.replace("http:", "https:")
        outcome = case.make(https).start(request_for(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert server.posts() == []


@each()
def test_an_invalid_url_means_not_sent(case: ProviderCase) -> None:
    assert isinstance(case.make("nowhere://x").start(request_for(case)), NotSent)


@each()
def test_two_starts_use_two_connections(case: ProviderCase) -> None:
    with Vendor(Reply(body=case.accepted)) as server:
        provider = case.make(server.url)
        provider.start(request_for(case))
        provider.start(request_for(case))

        assert server.connections == 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
        ("99999999999", 86_400),
        ("soon", None),
    ],
)
@each()
def test_a_vendors_retry_after_is_kept(
    case: ProviderCase, value: str, seconds: float | None
) -> None:
    headers = {"Retry-After": value}

    outcome = submitted(case, Reply(status=429, body=case.error(429), headers=headers))

    assert isinstance(outcome, Rejected)
    assert outcome.retry_after_seconds == seconds


@each()
def test_details_contain_neither_key_nor_prompt_nor_image(case: ProviderCase) -> None:
    own_key = "" if case in (VEO, OMNI_IDENTITY) else KEY
    echo = f"bad: {PROMPT} {own_key} Bearer ya29.abc data:image/jpeg;base64,AAAA " * 9

    for status in (400, 502):
        outcome = submitted(case, Reply(status=status, body=case.error(status, echo)))
        assert isinstance(outcome, Unknown | Rejected)
        source = outcome if isinstance(outcome, Unknown) else outcome.problem
        detail = str(source.detail)
        assert len(detail) <= 300
        assert "bad:" in detail
        assert not any(w in detail for w in (PROMPT, KEY, "ya29", "base64"))


@each(VEO, OMNI, OMNI_IDENTITY)
def test_a_project_being_set_up_may_be_asked_again(case: ProviderCase) -> None:
    body = case.error(400, "Service agents are being provisioned. Try again later.")

    outcome = submitted(case, Reply(status=400, body=body))

    assert isinstance(outcome, Rejected)
    assert outcome.ask_again
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)

    with Vendor(Reply(body=OMNI.accepted)) as server:
        outcome = omni_by_key(api_key="", base_url=server.url).start(request_for(OMNI))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_ERROR
    assert server.connections == 0


@pytest.mark.parametrize(
    ("case", "provider_id"),
    [
        (RUNWAY, ProviderId.RUNWAY),
        (RUNWAY_HTTP, ProviderId.RUNWAY_HTTP),
        (VEO, ProviderId.VEO),
        (OMNI, ProviderId.OMNI),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_proxys_answer_counts_as_spent_and_its_vendor_is_never_asked_again(
    case: ProviderCase, provider_id: ProviderId
) -> None:
    harness = Harness()
    harness.jobs.put(a_job(chain=(provider_id, *DEFAULT_CHAIN[:2])))
    with Vendor(Reply(status=503, body=TEXT)) as server:
        real = cast(Any, case.make(server.url))
        harness.providers = dict.fromkeys(DEFAULT_CHAIN[:2], real) | {provider_id: real}
        job = harness.run()

    sent = [a for a in job.attempts if a.state is not AttemptState.SKIPPED]
    assert {a.state for a in sent} == {AttemptState.UNKNOWN}
    assert len({a.vendor for a in sent}) == len(sent) == len(server.posts())
    assert job.cost_usd == sum(a.price_usd for a in sent) > 0


@each()
def test_an_error_of_our_own_after_sending_is_unknown(
    case: ProviderCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same error before sending would prove that nothing was sent."""

    def fail(*_args: object, **_options: object) -> None:
        raise ValueError("a bug while the response is read")

    monkeypatch.setattr(response_limits, "limit_bytes", fail)
    with Vendor(Reply(body={})) as server:
        outcome = case.make(server.url).start(request_for(case))

    assert isinstance(outcome, Unknown)
    assert server.connections == 1
