"""Each link sends its paid POST once, and says of it no more than is known."""

import socket

import pytest

from shared.domain.errors import ErrorCode
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from shared.providers.omni import Omni
from tests.providers.provider_cases import (
    KEY,
    OMNI,
    PROMPT,
    PROVIDERS,
    RUNWAY,
    RUNWAY_HTTP,
    VEO,
    ProviderCase,
    order,
)
from tests.providers.vendor_server import Conduct, Reply, closed_port_url, vendor

UNKNOWN = "unknown"
# Status of an answer in the vendor's own JSON: the code of the rejection, or unknown.
ANSWERS: dict[int, str] = {
    307: UNKNOWN,
    400: ErrorCode.INPUT_NOT_ACCEPTED,
    401: ErrorCode.ACCESS_DENIED,
    402: ErrorCode.OUT_OF_CREDITS,
    403: ErrorCode.ACCESS_DENIED,
    404: ErrorCode.MODEL_UNAVAILABLE,
    408: ErrorCode.PROVIDER_ERROR,
    409: ErrorCode.PROVIDER_ERROR,
    422: ErrorCode.INPUT_NOT_ACCEPTED,
    429: ErrorCode.RATE_LIMITED,
    500: UNKNOWN,
    502: UNKNOWN,
    503: ErrorCode.PROVIDER_UNAVAILABLE,
    504: UNKNOWN,
}
# Runway's documentation calls these load shedding.
RUNWAY_ANSWERS = ANSWERS | dict.fromkeys((502, 504), ErrorCode.PROVIDER_UNAVAILABLE)


def answers() -> list[object]:
    return [
        pytest.param(case, status, expected, id=f"{case.name}-{status}")
        for case in PROVIDERS
        for status, expected in (RUNWAY_ANSWERS if case.is_runway else ANSWERS).items()
    ]


def said(outcome: Submission) -> str:
    match outcome:
        case Unknown():
            return UNKNOWN
        case Accepted():
            return outcome.task_id
        case Rejected() | NotSent():
            return outcome.problem.code


each_provider = pytest.mark.parametrize("case", PROVIDERS, ids=lambda case: case.name)


@pytest.mark.parametrize(("case", "status", "expected"), answers())
def test_an_error_is_one_post_and_what_the_table_says(
    case: ProviderCase, status: int, expected: str
) -> None:
    headers = {"Location": "/elsewhere"} if status == 307 else {}
    reply = Reply(status=status, body=case.error(status), headers=headers)

    with vendor(reply) as server:
        outcome = case.make(server.url).start(order(case))

    assert said(outcome) == expected
    assert isinstance(outcome, Unknown | Rejected)
    assert len(server.received) == 1


@each_provider
def test_an_id_in_a_200_is_accepted(case: ProviderCase) -> None:
    with vendor(Reply(body=case.taken)) as server:
        outcome = case.make(server.url).start(order(case))

    assert outcome == Accepted(task_id=case.task_id)
    assert len(server.posts()) == 1


@pytest.mark.parametrize(
    "body",
    ["<html>Welcome</html>", {"status": "in_progress"}, {"id": "", "name": ""}, []],
    ids=["html", "no-id", "empty-id", "a-list"],
)
@each_provider
def test_a_200_without_an_id_is_unknown(case: ProviderCase, body: object) -> None:
    with vendor(Reply(body=body)) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Unknown)
    assert len(server.received) == 1


@pytest.mark.parametrize("body", [{"id": 5}, {"id": None}], ids=["number", "null"])
@pytest.mark.parametrize("case", [RUNWAY, RUNWAY_HTTP], ids=lambda case: case.name)
def test_an_id_that_is_no_text_is_unknown(case: ProviderCase, body: object) -> None:
    with vendor(Reply(body=body)) as server:
        assert isinstance(case.make(server.url).start(order(case)), Unknown)


@pytest.mark.parametrize("status", [502, 504])
@pytest.mark.parametrize("case", [RUNWAY, RUNWAY_HTTP], ids=lambda case: case.name)
def test_a_gateways_page_is_not_runways_word(case: ProviderCase, status: int) -> None:
    with vendor(Reply(status=status, body="<html>Bad gateway</html>")) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Unknown)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [400, 429, 503])
@each_provider
def test_a_rejection_as_a_page_is_a_rejection(case: ProviderCase, status: int) -> None:
    with vendor(Reply(status=status, body="<html>Sorry</html>")) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Rejected)
    assert len(server.received) == 1


@each_provider
def test_no_answer_in_time_is_unknown(case: ProviderCase) -> None:
    with vendor(Reply(conduct=Conduct.HANG)) as server:
        outcome = case.make(server.url, read_seconds=0.2).start(order(case))

    assert isinstance(outcome, Unknown)
    assert len(server.posts()) == 1


@pytest.mark.parametrize("conduct", [Conduct.DROP_UNREAD, Conduct.DROP_READ])
@each_provider
def test_a_dropped_connection_is_unknown(case: ProviderCase, conduct: Conduct) -> None:
    with vendor(Reply(conduct=conduct)) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Unknown)
    assert server.connections == 1
    assert len(server.posts()) <= 1


@each_provider
def test_a_refused_connection_sent_nothing(case: ProviderCase) -> None:
    outcome = case.make(closed_port_url()).start(order(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE


@each_provider
def test_a_name_that_nobody_knows_sent_nothing(
    case: ProviderCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown_name(*_: object, **__: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    outcome = case.make("http://vendor.invalid").start(order(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE


@each_provider
def test_a_broken_tls_handshake_sent_nothing(case: ProviderCase) -> None:
    with vendor(Reply(body=case.taken)) as server:
        https = server.url.replace("http:", "https:")
        outcome = case.make(https).start(order(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert server.posts() == []


@each_provider
def test_an_address_that_makes_no_request_sent_nothing(case: ProviderCase) -> None:
    outcome = case.make("nowhere://x").start(order(case))

    assert isinstance(outcome, NotSent)


@each_provider
def test_two_starts_use_two_connections(case: ProviderCase) -> None:
    with vendor(Reply(body=case.taken)) as server:
        provider = case.make(server.url)
        provider.start(order(case))
        provider.start(order(case))

        assert server.connections == 2


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0, 0),
        ("99999999999", 86_400, 86_400),
    ],
)
@each_provider
def test_the_wait_that_a_vendor_asks_for_is_kept(
    case: ProviderCase, value: str, least: float, most: float
) -> None:
    reply = Reply(status=429, body=case.error(429), headers={"Retry-After": value})

    with vendor(reply) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Rejected)
    assert outcome.retry_after_seconds is not None
    assert least <= outcome.retry_after_seconds <= most


@each_provider
def test_a_wait_nobody_can_read_is_none(case: ProviderCase) -> None:
    reply = Reply(status=429, body=case.error(429), headers={"Retry-After": "soon"})

    with vendor(reply) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Rejected)
    assert outcome.retry_after_seconds is None


@each_provider
def test_details_hold_neither_key_nor_prompt_nor_image(case: ProviderCase) -> None:
    echo = f"bad: {PROMPT} {KEY} Bearer ya29.abc data:image/jpeg;base64,AAAA " * 9

    with vendor(Reply(status=400, body=case.error(400, echo))) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Rejected)
    detail = outcome.problem.detail
    assert len(detail) <= 300
    assert "bad:" in detail
    assert not any(w in detail for w in (PROMPT, KEY, "ya29", "base64"))


REFUSALS = [
    (RUNWAY, "You do not have enough credits to run this task.", "out_of_credits"),
    (RUNWAY, "Prompt blocked by safety systems", "prompt_refused"),
    (RUNWAY, "Image failed content moderation", "image_refused"),
    (RUNWAY, "Model variant gen4_turbo is not available.", "model_unavailable"),
    (RUNWAY, "Validation of body failed", "input_not_accepted"),
    (VEO, "The prompt couldn't be submitted. Support codes: 1", "prompt_refused"),
    (VEO, "The prompt couldn’t be submitted.", "prompt_refused"),
    (VEO, "It might violate our policies.", "prompt_refused"),
    (VEO, "The input image violates usage guidelines.", "image_refused"),
    (VEO, "Blocked. Support codes: 58061214", "prompt_refused"),
    (VEO, "Model x is no longer available", "model_unavailable"),
    (VEO, "durationSeconds out of bound", "input_not_accepted"),
    (OMNI, "API key not valid. Please pass a valid API key.", "access_denied"),
    (OMNI, "User location is not supported for the API use.", "access_denied"),
    (OMNI, "Please enable billing on your project", "out_of_credits"),
    (OMNI, "Request blocked by safety filters", "prompt_refused"),
]


@pytest.mark.parametrize(
    ("case", "message", "expected"),
    REFUSALS,
    ids=[
        f"{case.name}-{expected}-{i}" for i, (case, _, expected) in enumerate(REFUSALS)
    ],
)
def test_a_400_is_read_by_its_words(
    case: ProviderCase, message: str, expected: str
) -> None:
    with vendor(Reply(status=400, body=case.error(400, message))) as server:
        outcome = case.make(server.url).start(order(case))

    assert said(outcome) == expected


@pytest.mark.parametrize("case", [VEO, OMNI], ids=lambda case: case.name)
def test_a_project_being_set_up_may_be_asked_again(case: ProviderCase) -> None:
    body = case.error(400, "Service agents are being provisioned. Try again later.")

    with vendor(Reply(status=400, body=body)) as server:
        outcome = case.make(server.url).start(order(case))

    assert isinstance(outcome, Rejected)
    assert outcome.ask_again
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert outcome.retry_after_seconds == 90


def test_spent_prepayment_is_no_rate_limit() -> None:
    body = OMNI.error(429, "Your prepayment credits are depleted.")

    with vendor(Reply(status=429, body=body)) as server:
        outcome = OMNI.make(server.url).start(order(OMNI))

    assert said(outcome) == ErrorCode.OUT_OF_CREDITS


def test_a_model_that_runway_does_not_know_is_not_the_forms_fault() -> None:
    issues = [{"code": "invalid_enum_value", "path": ["model"], "message": "x"}]
    body = {"error": "Validation of body failed", "issues": issues}

    with vendor(Reply(status=400, body=body)) as server:
        outcome = RUNWAY_HTTP.make(server.url).start(order(RUNWAY_HTTP))

    assert said(outcome) == ErrorCode.MODEL_UNAVAILABLE


def test_a_refusal_in_a_list_is_read_too() -> None:
    body = [OMNI.error(400, "The input image violates our rules")]

    with vendor(Reply(status=400, body=body)) as server:
        outcome = OMNI.make(server.url).start(order(OMNI))

    assert said(outcome) == ErrorCode.IMAGE_REFUSED


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)

    with vendor(Reply(body=OMNI.taken)) as server:
        outcome = Omni(api_key="", base_url=server.url).start(order(OMNI))

    assert isinstance(outcome, NotSent)
    assert server.connections == 0
