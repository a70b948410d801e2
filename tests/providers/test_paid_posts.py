"""Each provider sends its paid POST once, and claims no more than is proven."""

import socket
from decimal import Decimal
from typing import Any, cast

import pytest

from shared.cutoff import Cutoff
from shared.domain import timing
from shared.domain.catalogue import DEFAULT_CHAIN, ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.job import AttemptState
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from shared.providers import paid_post
from shared.providers.google_errors import GOOGLE
from shared.providers.omni import omni_by_key
from shared.providers.rejection import Answer, VendorErrors, outcome_of_error
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
)
from tests.providers.vendor_server import Conduct, Reply, closed_port_url, vendor
from tests.usecases.harness import Harness

UNKNOWN = "unknown"
# Status of an answer in the vendor's own JSON: the code of the rejection, or unknown.
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
# What stands between us and a vendor says nothing about a job that the vendor took.
PROXY_STATUSES = (400, 404, 408, 409, 425, 429, 499, 500, 502, 503, 504)
TEXT = (
    "upstream connect error or disconnect/reset before headers. reset reason: "
    "connection termination"
)
# `error` of the JSON that Envoy, nginx and API gateways write.
GATEWAY_WORDS = (
    "upstream request timeout",
    "Bad Gateway",
    "no healthy upstream",
    "overloaded",
    TEXT,
)
HTML = "<html><h1>503 Service Temporarily Unavailable</h1>nginx</html>"


def said(outcome: Submission) -> str:
    match outcome:
        case Unknown():
            return UNKNOWN
        case Accepted():
            return outcome.task_id
        case Rejected() | NotSent():
            return outcome.problem.code


def submitted(case: ProviderCase, reply: Reply, *, posts: int = 1) -> Submission:
    """The outcome of a start that is answered so, and reached the vendor once."""
    with vendor(reply) as server:
        outcome = case.make(server.url, read_seconds=1).start(request_for(case))
    assert len(server.received) == posts
    return outcome


@pytest.mark.parametrize(
    ("case", "status", "expected"),
    [
        pytest.param(case, status, expected, id=f"{case.name}-{status}")
        for case in PROVIDERS
        for status, expected in (RUNWAY_ANSWERS if case.is_runway else ANSWERS).items()
    ],
)
def test_an_error_of_the_vendors_own_is_what_the_table_says(
    case: ProviderCase, status: int, expected: str
) -> None:
    headers = {"Location": "/elsewhere"} if status == 307 else {}

    outcome = submitted(
        case, Reply(status=status, body=case.error(status), headers=headers)
    )

    assert said(outcome) == expected
    assert isinstance(outcome, Unknown | Rejected)


@pytest.mark.parametrize("status", [400, 409, 429, 503])
@each(RUNWAY, RUNWAY_HTTP, VEO, OMNI)
def test_a_proxys_answer_for_a_job_that_was_taken_is_unknown(
    case: ProviderCase, status: int
) -> None:
    with vendor(Reply()) as server:
        provider = case.make(server.url)
        for nth, body in enumerate((TEXT, HTML, {"message": "no upstream"}), 1):
            server.reply = Reply(status=status, body=body)
            assert isinstance(provider.start(request_for(case)), Unknown), body
            assert len(server.posts()) == nth


@pytest.mark.parametrize("status", PROXY_STATUSES)
@pytest.mark.parametrize(
    ("rules", "other"),
    [(RUNWAY_ERRORS, VEO), (GOOGLE, RUNWAY)],
    ids=["runway", "google"],
)
def test_json_that_is_not_the_vendors_own_proves_nothing(
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
        answer = Answer(status=status, body=body, headers={})
        assert isinstance(outcome_of_error(answer, rules), Unknown), body


@each()
def test_an_id_in_a_200_is_accepted(case: ProviderCase) -> None:
    most = Decimal("0.25") if case.is_runway else None

    outcome = submitted(case, Reply(body=case.taken))

    assert outcome == Accepted(task_id=case.task_id, max_cost_usd=most)


@pytest.mark.parametrize(
    "cost",
    [None, {}, {"credits": "25"}, {"credits": -1}, {"credits": 1e22}, {"credits": 1e7}],
)
@each(RUNWAY, RUNWAY_HTTP)
def test_a_maximum_that_is_no_price_is_left_out(
    case: ProviderCase, cost: object
) -> None:
    outcome = submitted(case, Reply(body={"id": "1", "estimatedCost": cost}))

    assert outcome == Accepted(task_id="1")


@pytest.mark.parametrize(
    "body",
    ["<html>Welcome</html>", {"status": "in_progress"}, {"id": "", "name": ""}, []],
    ids=["html", "no-id", "empty-id", "a-list"],
)
@each()
def test_a_200_without_an_id_is_unknown(case: ProviderCase, body: object) -> None:
    assert isinstance(submitted(case, Reply(body=body)), Unknown)


@pytest.mark.parametrize("body", [{"id": 5}, {"id": None}], ids=["number", "null"])
@each(RUNWAY, RUNWAY_HTTP)
def test_an_id_that_is_no_text_is_unknown(case: ProviderCase, body: object) -> None:
    assert isinstance(submitted(case, Reply(body=body)), Unknown)


@pytest.mark.parametrize("conduct", [Conduct.HANG, Conduct.DROP_READ, Conduct.FLOOD])
@each()
def test_an_answer_that_does_not_come_whole_is_unknown(
    case: ProviderCase, conduct: Conduct
) -> None:
    assert isinstance(submitted(case, Reply(conduct=conduct)), Unknown)


DRIPPING = [Conduct.DRIP_HEAD, Conduct.DRIP_BODY]


@pytest.mark.parametrize("conduct", DRIPPING)
@each()
def test_an_answer_that_drips_in_is_waited_for_no_longer_than_the_call_may_take(
    case: ProviderCase, conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutoffs: list[Cutoff] = []

    def cutoff(seconds: float) -> Cutoff:
        cutoffs.append(Cutoff(seconds))
        return cutoffs[-1]

    monkeypatch.setattr(paid_post, "Cutoff", cutoff)
    with vendor(Reply(body=case.taken, conduct=conduct)) as server:
        server.while_dripping = lambda: cutoffs[0].cut()
        outcome = case.make(server.url).start(request_for(case))

    assert isinstance(outcome, Unknown)
    assert (len(server.received), len(cutoffs)) == (1, 1)


@pytest.mark.parametrize("conduct", DRIPPING)
@each(RUNWAY, RUNWAY_HTTP, VEO)
def test_a_slow_answer_that_comes_in_time_counts(
    case: ProviderCase, conduct: Conduct
) -> None:
    outcome = submitted(case, Reply(body=case.taken, conduct=conduct))

    assert isinstance(outcome, Accepted)


def test_a_paid_call_is_over_before_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[float] = []
    monkeypatch.setattr(paid_post, "Cutoff", seconds.append)

    paid_post.cutoff(paid_post.READ_SECONDS)

    assert seconds == [timing.POST_LIMIT.total_seconds()]


@each()
def test_an_answer_that_unpacks_to_more_is_not_read(case: ProviderCase) -> None:
    packed = Reply(body=case.taken, headers={"Content-Encoding": "gzip"})

    assert isinstance(submitted(case, packed), Unknown)


@each()
def test_a_connection_dropped_unread_is_unknown(case: ProviderCase) -> None:
    with vendor(Reply(conduct=Conduct.DROP_UNREAD)) as server:
        outcome = case.make(server.url).start(request_for(case))

    assert isinstance(outcome, Unknown)
    assert server.connections == 1


@each()
def test_a_refused_connection_sent_nothing(case: ProviderCase) -> None:
    outcome = case.make(closed_port_url()).start(request_for(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE


@each()
def test_a_name_that_is_unknown_sent_nothing(
    case: ProviderCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown_name(*_: object, **__: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown_name)
    outcome = case.make("http://vendor.invalid").start(request_for(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE


@each()
def test_a_broken_tls_handshake_sent_nothing(case: ProviderCase) -> None:
    with vendor(Reply(body=case.taken)) as server:
        https = server.url.replace("http:", "https:")
        outcome = case.make(https).start(request_for(case))

    assert isinstance(outcome, NotSent)
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert server.posts() == []


@each()
def test_an_address_that_makes_no_request_sent_nothing(case: ProviderCase) -> None:
    assert isinstance(case.make("nowhere://x").start(request_for(case)), NotSent)


@each()
def test_two_starts_use_two_connections(case: ProviderCase) -> None:
    with vendor(Reply(body=case.taken)) as server:
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
def test_the_wait_that_a_vendor_asks_for_is_kept(
    case: ProviderCase, value: str, seconds: float | None
) -> None:
    headers = {"Retry-After": value}

    outcome = submitted(case, Reply(status=429, body=case.error(429), headers=headers))

    assert isinstance(outcome, Rejected)
    assert outcome.retry_after_seconds == seconds


@each()
def test_details_hold_neither_key_nor_prompt_nor_image(case: ProviderCase) -> None:
    echo = f"bad: {PROMPT} {KEY} Bearer ya29.abc data:image/jpeg;base64,AAAA " * 9

    for status in (400, 502):
        outcome = submitted(case, Reply(status=status, body=case.error(status, echo)))
        detail = outcome.detail if isinstance(outcome, Unknown) else detail_of(outcome)
        assert len(detail) <= 300
        assert "bad:" in detail
        assert not any(w in detail for w in (PROMPT, KEY, "ya29", "base64"))


def detail_of(outcome: Submission) -> str:
    assert isinstance(outcome, Rejected)
    return outcome.problem.detail


@each(VEO, OMNI, OMNI_IDENTITY)
def test_a_project_being_set_up_may_be_asked_again(case: ProviderCase) -> None:
    body = case.error(400, "Service agents are being provisioned. Try again later.")

    outcome = submitted(case, Reply(status=400, body=body))

    assert isinstance(outcome, Rejected)
    assert outcome.ask_again
    assert outcome.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert outcome.retry_after_seconds == 90


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)

    with vendor(Reply(body=OMNI.taken)) as server:
        outcome = omni_by_key(api_key="", base_url=server.url).start(request_for(OMNI))

    assert isinstance(outcome, NotSent)
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
def test_what_a_proxy_answers_for_is_kept_as_spent_and_never_bought_again(
    case: ProviderCase, provider_id: ProviderId
) -> None:
    harness = Harness()
    harness.jobs.put(a_job(chain=(provider_id, *DEFAULT_CHAIN[:2])))
    with vendor(Reply(status=503, body=TEXT)) as server:
        real = cast(Any, case.make(server.url))
        harness.providers = dict.fromkeys(DEFAULT_CHAIN[:2], real) | {provider_id: real}
        job = harness.run()

    asked = [a for a in job.attempts if a.state is not AttemptState.SKIPPED]
    assert {a.state for a in asked} == {AttemptState.UNKNOWN}
    assert len({a.vendor for a in asked}) == len(asked) == len(server.posts())
    assert job.cost_usd == sum(a.price_usd for a in asked) > 0
