"""Routing requests to handlers, and answering errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from math import inf

import pytest
from flask import Request, Response
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from functions.http.bodies import json_response, read_object
from functions.http.receiving import SMALL_BODY_BYTES, ReadTimeout, Receiver
from functions.http.route import Call, Route
from functions.http.router import (
    BYTES_PER_TOKEN,
    CALL_SECONDS,
    TOKENS_OF_A_FULL_CAP,
    Router,
)
from shared.domain.errors import (
    Conflict,
    ErrorCode,
    FieldError,
    Forbidden,
    InvalidRequest,
    LimitReached,
    NotFound,
    Unreachable,
    WrittenLater,
)
from shared.domain.job import Language
from shared.rates import RateLimit
from shared.request_time import left_seconds, limited_to
from tests.domain.examples import NOON
from tests.functions.calling import ANN, BOB, FakeTokens, client_of

ORIGIN = "https://app.example"
KOREAN = re.compile("[가-힣]")
RAISED: dict[str, Exception] = {
    "forbidden": Forbidden("no"),
    "not-found": NotFound("job1"),
    "conflict": Conflict("running"),
    "invalid": InvalidRequest(
        (FieldError(field="duration", reason="out_of_range", parameters=(3, 10)),)
    ),
    "unreachable": Unreachable("firestore: secret address"),
    "later": WrittenLater("the record in firestore is of a later release"),
    "broken": KeyError("a bug"),
    "full": LimitReached(ErrorCode.DAILY_LIMIT_REACHED, timedelta(hours=1)),
}


def show(call: Call) -> Response:
    known = {"user": call.caller.user_id, "language": call.language, "at": NOON}
    return json_response({**known, **call.arguments})


def echo(call: Call) -> Response:
    return json_response(read_object(call.request), 201, {"Location": "/there"})


def time_left(call: Call) -> Response:
    return json_response({"seconds": left_seconds()})


def read_all(call: Call) -> Response:
    while call.request.stream.read(65_536):
        pass
    return json_response({})


def show_much(_call: Call) -> Response:
    return Response(b" " * (7 * BYTES_PER_TOKEN))


def fail(call: Call) -> Response:
    raise RAISED[call.arguments["how"]]


ROUTES = (
    Route(method="GET", path="/open", handler=show, is_open=True),
    Route(method="GET", path="/things/<thing>", handler=show),
    Route(method="DELETE", path="/things/<thing>", handler=show),
    Route(method="GET", path="/large", handler=show_much),
    Route(method="POST", path="/things", handler=echo),
    Route(method="POST", path="/whole", handler=read_all),
    Route(method="GET", path="/fail/<how>", handler=fail),
    Route(method="GET", path="/time", handler=time_left, is_open=True),
    Route(method="POST", path="/time", handler=time_left),
)


class Endless:
    """A body without end, as gunicorn passes it on; `given` counts the bytes read."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "read whole into memory"
        self.given += size
        assert self.given < 100_000_000, "read without a limit"
        return b" " * size

    @property
    def environ(self) -> dict[str, object]:
        """The WSGI environment of a request without a length."""
        return {
            "wsgi.input": self,
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        }


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens()


@pytest.fixture
def client(tokens: FakeTokens) -> FlaskClient:
    return client_of(Router(ROUTES, tokens, [ORIGIN]))


def check_problem(response: TestResponse, status: int, code: str) -> None:
    assert response.content_type == "application/problem+json"
    body = response.get_json(force=True)
    assert response.status_code == body["status"] == status
    assert body["code"] == code
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert all(body[name] for name in ("type", "title", "detail"))


def test_a_handler_knows_its_caller_and_its_path(client: FlaskClient) -> None:
    response = client.get("/things/t1", headers=ANN)

    assert response.get_json() == {
        "user": "ann",
        "language": "en",
        "at": "2026-11-22T12:00:00.000Z",
        "thing": "t1",
    }


@pytest.mark.parametrize("path", ["/", "/nothing", "/things/t1/more"])
@pytest.mark.parametrize("language", Language)
def test_the_404_of_an_unknown_path_names_the_documentation(
    client: FlaskClient, path: str, language: Language
) -> None:
    answer = client.get(path, headers={"Accept-Language": language})

    check_problem(answer, 404, "not_found")
    assert "`/docs`" in answer.get_json(force=True)["detail"]


def test_a_trailing_slash_makes_no_difference(client: FlaskClient) -> None:
    assert client.get("/things/t1/", headers=ANN).status_code == 200


def test_a_path_with_two_slashes_is_another_path(client: FlaskClient) -> None:
    for path, status in (("/open", 200), ("//open", 404), ("/fail//broken", 404)):
        environ = {"PATH_INFO": path}
        assert client.get("/", environ_overrides=environ).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/things", 405, "method_not_allowed"),
        ("PUT", "/things/t1", 405, "method_not_allowed"),
        ("POST", "/open", 405, "method_not_allowed"),
        ("OPTIONS", "/nothing", 404, "not_found"),
        ("GET", "/fail/forbidden", 403, "forbidden"),
        ("GET", "/fail/not-found", 404, "not_found"),
        ("GET", "/fail/conflict", 409, "conflict"),
        ("GET", "/fail/invalid", 422, "invalid_request"),
        ("GET", "/fail/unreachable", 503, "unavailable"),
        ("GET", "/fail/later", 503, "unavailable"),
        ("GET", "/fail/broken", 500, "internal"),
    ],
)
def test_an_error_is_a_problem(
    client: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    headers = {**ANN, "Origin": ORIGIN}

    response = client.open(path, method=method, headers=headers)

    check_problem(response, status, code)
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert not [word for word in ("a bug", "firestore") if word in response.text]


@pytest.mark.parametrize(
    ("how", "event"),
    [
        ("unreachable", "request_failed"),
        ("later", "request_failed"),
        ("broken", "request_crashed"),
    ],
)
def test_an_error_of_our_own_is_logged(
    client: FlaskClient, how: str, event: str
) -> None:
    with capture_logs() as lines:
        client.get(f"/fail/{how}", headers=ANN)

    assert (lines[0]["event"], lines[0]["log_level"]) == (event, "error")


MALFORMED = {
    "nothing": b"",
    "cut": b"{",
    "list": b"[]",
    "null": b"null",
    "no utf-8": b"\xff",
    "NaN": b'{"a": NaN}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "twice": b'{"a": 1, "a": 2}',
    "twice inside": b'{"a": {"b": 1, "b": 1}}',
    "half a character": b'{"a": "\\ud800"}',
    "half a character in capitals": b'{"a": "\\uD800"}',
    "half a name": b'{"\\ud800": 1}',
    "deep": b"[" * 100_000,
    "a huge number": b'{"a": ' + b"1" * 5000 + b"}",
    "very many values": b'{"a": [' + b"0," * 20_000 + b"0]}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_no_json_object_is_refused(
    client: FlaskClient, body: bytes
) -> None:
    headers = {**ANN, "Content-Type": "application/json"}

    check_problem(client.post("/things", data=body, headers=headers), 400, "malformed")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", None, 415, "unsupported_media_type"),
        (b" " * (SMALL_BODY_BYTES + 1), "application/json", 413, "too_large"),
    ],
    ids=["text", "no type", "large"],
)
def test_a_body_of_another_type_or_size_is_refused(
    client: FlaskClient, body: bytes, content_type: str | None, status: int, code: str
) -> None:
    response = client.post("/things", data=body, content_type=content_type, headers=ANN)

    check_problem(response, status, code)


@pytest.mark.parametrize(
    ("encoding", "status"), [("gzip", 415), ("identity", 201), ("Identity", 201)]
)
def test_a_compressed_body_is_refused_with_415(
    client: FlaskClient, encoding: str, status: int
) -> None:
    headers = {**ANN, "Content-Encoding": encoding}

    response = client.post("/things", json={"a": 1}, headers=headers)

    assert response.status_code == status
    assert ("uncompressed" in response.text) is (status == 415)


def test_a_byte_order_mark_before_the_body_is_ignored(client: FlaskClient) -> None:
    """Windows PowerShell 5 begins each file that it writes in UTF-8 with one."""
    body = '\ufeff{"a": 1}'.encode()

    response = client.post(
        "/things", data=body, content_type="application/json", headers=ANN
    )

    assert (response.status_code, response.json) == (201, {"a": 1})


def test_a_body_may_name_its_character_set(client: FlaskClient) -> None:
    response = client.post(
        "/things",
        data='{"a": "고양이"}'.encode(),
        content_type="application/json; charset=utf-8",
        headers=ANN,
    )

    assert (response.status_code, response.get_json()) == (201, {"a": "고양이"})
    assert response.headers["Location"] == "/there"


@pytest.mark.parametrize(
    ("accept_language", "is_korean"),
    [
        ("ko", True),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", True),
        ("ko-KR,en;q=0.9", True),
        ("ko-KR, en-US;q=0.9, en;q=0.8", True),
        ("fr, ko;q=0.5", True),
        ("en;q=0.1, KO;q=0.2", True),
        ("*, ko;q=0.5", True),
        ("en-US,en;q=0.9,ko;q=0.8", False),
        ("en-GB,ko;q=0.5", False),
        ("ko;q=0", False),
        ("korean", False),
        (";;q=,=-", False),
        ("fr", False),
        ("a," * 300 + "ko", False),
        ("*", False),
        ("", False),
    ],
)
def test_errors_are_in_the_readers_language(
    client: FlaskClient, accept_language: str, is_korean: bool
) -> None:
    headers = {**ANN, "Accept-Language": accept_language}

    body = client.get("/fail/invalid", headers=headers).get_json(force=True)

    text = body["detail"] + body["errors"][0]["message"]
    assert bool(KOREAN.search(text)) is is_korean


def test_a_token_that_cannot_be_checked_is_a_503(
    client: FlaskClient, tokens: FakeTokens
) -> None:
    tokens.failures = [Unreachable("no keys")]

    check_problem(client.get("/things/t1", headers=ANN), 503, "unavailable")


def test_an_allowed_origin_may_read_the_answer(client: FlaskClient) -> None:
    headers = client.get("/open", headers={"Origin": ORIGIN}).headers

    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = headers["Access-Control-Expose-Headers"].split(", ")
    # OpenAI's client decides by the latter whether it tries again.
    assert {"Location", "X-Should-Retry"} <= set(exposed)
    assert headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "https://app.example.evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://APP.example",
    ],
)
def test_no_other_origin_may_read_the_answer(
    client: FlaskClient, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}

    response = client.get("/open", headers=headers)

    names = [name for name, _ in response.headers if "Access-Control" in name]
    assert names == []
    assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("requested", "allowed"),
    [
        ("authorization,x-stainless-os,traceparent", True),
        ("Authorization, Idempotency-Key", True),
        ("", False),
        ("x y: z", False),
        ("x" * 2001, False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_preflight_from_an_allowed_origin_allows_any_well_formed_header(
    client: FlaskClient, requested: str, allowed: bool
) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Headers": requested}

    response = client.options("/things", headers=headers)

    assert (response.status_code, response.data) == (204, b"")
    assert "Content-Type" not in response.headers, "there is no content"
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "DELETE" in response.headers["Access-Control-Allow-Methods"]
    answered = response.headers.get("Access-Control-Allow-Headers")
    assert answered == (requested if allowed else None)


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_a_preflight_of_another_origin_allows_nothing(
    client: FlaskClient, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}

    response = client.options("/things", headers=headers)

    assert not [name for name, _ in response.headers if "Access-Control" in name]
    assert response.headers["Allow"] == "OPTIONS, POST"


def test_a_405_lists_the_methods_of_its_path(client: FlaskClient) -> None:
    response = client.put("/things/t1")

    assert response.status_code == 405
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"


def test_head_is_get_without_its_body(client: FlaskClient) -> None:
    response = client.head("/things/t1", headers=ANN)

    assert (response.status_code, response.data) == (200, b"")


@pytest.mark.parametrize("name", [".b", "a b", "ä", "%00", "%0d%0a", "..", "x" * 129])
def test_an_impossible_name_in_a_path_is_not_found(
    client: FlaskClient, name: str
) -> None:
    response = client.delete(f"/things/{name}", headers=ANN)

    # A line break gets Flask's own answer, as from the framework.
    assert response.status_code == 404


@pytest.mark.parametrize("path", ["/open", "/nothing", "/things/t1", "/fail/broken"])
def test_every_answer_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path, headers=ANN).headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Strict-Transport-Security"] == "max-age=63072000"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = "default-src 'none'; frame-ancestors 'none'"
    assert headers["Content-Security-Policy"] == policy


class TestLargeBodies:
    @pytest.mark.parametrize("path", ["/things", "/whole"])
    def test_a_body_without_a_length_is_read_up_to_the_limit(
        self, client: FlaskClient, path: str
    ) -> None:
        response = client.post(
            path,
            content_type="application/json",
            environ_overrides=Endless().environ,
            headers=ANN,
        )

        check_problem(response, 413, "too_large")

    def test_nothing_is_left_for_the_framework_to_read(
        self, tokens: FakeTokens
    ) -> None:
        router, left = Router(ROUTES, tokens, []), []

        def served(request: Request) -> Response:
            response = router(request)
            left.append(request.get_data())
            return response

        client_of(served).post("/open", environ_overrides=Endless().environ)

        assert left == [b""]

    @pytest.mark.parametrize(
        ("method", "path", "status"), [("POST", "/things", 401), ("GET", "/open", 200)]
    )
    def test_a_stranger_is_answered_before_the_body_is_read(
        self, tokens: FakeTokens, method: str, path: str, status: int
    ) -> None:
        router, body, given = Router(ROUTES, tokens, []), Endless(), []

        def served(request: Request) -> Response:
            response = router(request)
            given.append(body.given)
            return response

        client = client_of(served)
        answer = client.open(path, method=method, environ_overrides=body.environ)
        answer.close()

        assert (answer.status_code, given) == (status, [0])
        assert body.given > 0, "the rest is read after the answer was sent"

    def test_the_rest_of_a_refused_body_counts_for_whoever_sent_it(
        self, tokens: FakeTokens
    ) -> None:
        """One user's refused bodies must not use up the time of another's."""
        senders: list[str | None] = []

        class RecordingReceiver(Receiver):
            @contextmanager
            def drain_limit(self, user_id: str | None) -> Iterator[ReadTimeout]:
                senders.append(user_id)
                with super().drain_limit(user_id) as limit:
                    yield limit

        client = client_of(Router(ROUTES, tokens, [], receiver=RecordingReceiver()))
        for headers in (ANN, BOB, {}):
            environ = Endless().environ
            client.post("/things", environ_overrides=environ, headers=headers).close()

        assert senders == ["ann", "bob", None]

    def test_nothing_more_is_read_after_a_whole_body(self, tokens: FakeTokens) -> None:
        reads = []

        class Body(BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                reads.append(size)
                return super().read(size)

        def served(request: Request) -> Response:
            response = router(request)
            reads.clear()
            return response

        router = Router(ROUTES, tokens, [])
        environ = Endless().environ | {"wsgi.input": Body(b"{}")}
        answer = client_of(served).post(
            "/things",
            content_type="application/json",
            environ_overrides=environ,
            headers=ANN,
        )
        answer.close()

        assert (answer.status_code, reads) == (201, [])

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_an_unexpected_body_is_ignored(
        self, client: FlaskClient, method: str
    ) -> None:
        response = client.open("/things/t1", method=method, data=b"\xff{{", headers=ANN)

        assert response.status_code == 200


def test_a_user_beyond_the_rate_is_told_when_to_retry(tokens: FakeTokens) -> None:
    client = client_of(Router(ROUTES, tokens, [], rate=RateLimit(1, lambda: 0.0)))

    answers = [client.get("/things/t1", headers=ANN) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    check_problem(answers[-1], 429, "too_many_requests")
    assert answers[-1].headers["Retry-After"] == "1"
    assert client.get("/things/t1", headers=BOB).status_code == 200
    assert client.get("/open").status_code == 200


def test_a_large_response_counts_against_its_users_rate_by_its_size(
    tokens: FakeTokens,
) -> None:
    now = [0.0]
    rate = RateLimit(1, lambda: now[0])
    client = client_of(Router(ROUTES, tokens, [], rate=rate))

    assert client.get("/large", headers=ANN).status_code == 200
    refused = client.get("/things/t1", headers=ANN)
    now[0] += int(refused.headers["Retry-After"])

    # Of a burst of five tokens, one was for the request and seven for its response.
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "4")
    assert client.get("/things/t1", headers=ANN).status_code == 200
    assert client.get("/things/t1", headers=BOB).status_code == 200


def test_a_request_that_a_cap_refuses_counts_as_two(tokens: FakeTokens) -> None:
    now = [0.0]
    rate = RateLimit(1, lambda: now[0], burst=TOKENS_OF_A_FULL_CAP)
    client = client_of(Router(ROUTES, tokens, [], rate=rate))

    assert client.get("/fail/full", headers=ANN).status_code == 429
    refused = client.get("/things/t1", headers=ANN)
    now[0] += int(refused.headers["Retry-After"])

    check_problem(refused, 429, "too_many_requests")
    assert refused.headers["Retry-After"] == "2"
    assert client.get("/things/t1", headers=ANN).status_code == 200
    assert client.get("/things/t1", headers=BOB).status_code == 200


def test_each_of_fifty_requests_at_once_is_told_that_the_cap_is_full(
    tokens: FakeTokens,
) -> None:
    client = client_of(Router(ROUTES, tokens, [], rate=RateLimit(20, lambda: 0.0)))

    refused = [client.get("/fail/full", headers=ANN) for _ in range(50)]

    assert {each.get_json()["code"] for each in refused} == {"daily_limit_reached"}


def test_a_value_that_is_not_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        json_response({"a": object()})


class SlowSender(Receiver):
    """Receives bodies so slowly that no time is left of the request's."""

    @contextmanager
    def receive(self, request: Request, user_id: str, max_bytes: int) -> Iterator[None]:
        with limited_to(0), super().receive(request, user_id, max_bytes):
            yield


def test_a_handler_has_its_full_time_however_slowly_the_body_came() -> None:
    client = client_of(Router(ROUTES, FakeTokens(), [ORIGIN], receiver=SlowSender()))

    posted = client.post("/time", json={}, headers=ANN).get_json()
    seen = client.get("/time").get_json()

    assert 0 < posted["seconds"] <= CALL_SECONDS
    assert 0 < seen["seconds"] <= CALL_SECONDS
    assert left_seconds() == inf
