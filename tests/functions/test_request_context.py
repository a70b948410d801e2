"""A request's log lines: its ID, its trace and its user, but never its content."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import structlog
from flask import Response
from flask.testing import FlaskClient
from structlog.testing import LogCapture

from functions.http.bodies import json_response
from functions.http.route import Call, Route
from functions.http.router import Router
from shared.ports.identity import Caller
from tests.functions.calling import client_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE_KEY, SPAN_KEY = "logging.googleapis.com/trace", "logging.googleapis.com/spanId"


class Keys:
    """Takes every caller for Ann with one of her API keys."""

    def caller(
        self, authorization: str | None, *, check_revoked: bool = True
    ) -> Caller:
        return Caller(user_id="ann", key_id="k1")


def show(_call: Call) -> Response:
    structlog.get_logger().info("thing_shown")
    return json_response({})


@pytest.fixture
def lines() -> Iterator[Sequence[Mapping[str, Any]]]:
    """The log lines with bound context, as our own configuration has them."""
    capture, before = LogCapture(), structlog.get_config()["processors"]
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.configure(processors=before)


@pytest.fixture
def client() -> FlaskClient:
    routes = (
        Route(method="GET", path="/things/<thing>", handler=show),
        Route(method="GET", path="/open", handler=show, is_open=True),
    )
    return client_of(Router(routes, Keys(), [], project="demo"))


Lines = Sequence[Mapping[str, Any]]


def test_a_request_is_logged_once_with_its_routes_pattern(
    client: FlaskClient, lines: Lines
) -> None:
    client.get("/things/t1?secret=1", headers={"Authorization": "Bearer hush"})

    line = lines[-1]
    assert line["event"] == "request_served"
    assert (line["method"], line["route"]) == ("GET", "/things/<thing>")
    assert (line["status"], line["user_id"], line["key_id"]) == (200, "ann", "k1")
    assert line["duration_ms"] >= 0
    assert not [word for word in ("t1", "secret", "hush") if word in repr(lines)]


def test_an_unknown_path_is_not_logged(client: FlaskClient, lines: Lines) -> None:
    client.get("/somebody@example.com")

    assert lines[-1]["status"] == 404
    assert "route" not in lines[-1]
    assert "somebody" not in repr(lines)


def test_the_answer_and_every_line_have_the_same_request_id(
    client: FlaskClient, lines: Lines
) -> None:
    response = client.get("/open")

    ids = {line["request_id"] for line in lines}
    assert ids == {response.headers["X-Request-Id"]}
    assert [line["event"] for line in lines] == ["thing_shown", "request_served"]


@pytest.mark.parametrize(
    ("sent", "logged"),
    [("abc-1_Z", "abc-1_Z"), ("x" * 65, None), ("a b", None), ("é", None), ("", None)],
)
def test_a_request_id_that_was_sent_is_logged_but_not_used(
    client: FlaskClient, lines: Lines, sent: str, logged: str | None
) -> None:
    response = client.get("/open", headers={"X-Request-Id": sent})

    assert response.headers["X-Request-Id"] != sent
    assert lines[-1].get("sent_request_id") == logged


def test_no_context_is_left_for_the_next_request(
    client: FlaskClient, lines: Lines
) -> None:
    client.get("/things/t1", headers={"traceparent": f"00-{TRACE}-{'1' * 16}-01"})
    client.get("/open")

    assert not {"user_id", "key_id", TRACE_KEY} & set(lines[-1])
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.parametrize(
    ("headers", "trace", "span"),
    [
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE, "00f067aa0ba902b7"),
        (
            {"X-Cloud-Trace-Context": f"{TRACE}/67667974448284343;o=1"},
            TRACE,
            "00f067aa0ba902b7",
        ),
        ({"X-Cloud-Trace-Context": TRACE.upper()}, TRACE, None),
        ({"X-Cloud-Trace-Context": f"{TRACE}/{2**64 - 1}"}, TRACE, "f" * 16),
        ({"X-Cloud-Trace-Context": f"{TRACE}/{2**64}"}, TRACE, None),
        ({"X-Cloud-Trace-Context": f"{'0' * 32}/1"}, None, None),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, None, None),
        ({"traceparent": f"00-{TRACE}-short-01"}, None, None),
        ({"X-Cloud-Trace-Context": "../x"}, None, None),
        ({}, None, None),
    ],
    ids=[
        *("w3c", "google's", "no span", "the largest span", "a huge span"),
        *("google's, no trace", "no trace", "cut", "nonsense", "none"),
    ],
)
def test_a_line_has_its_trace_in_cloud_loggings_fields(
    client: FlaskClient,
    lines: Lines,
    headers: Mapping[str, str],
    trace: str | None,
    span: str | None,
) -> None:
    client.get("/open", headers=dict(headers))

    assert lines[0].get(TRACE_KEY) == (trace and f"projects/demo/traces/{trace}")
    assert lines[0].get(SPAN_KEY) == span
