"""A function with a few routes, for tests that run it in a real server's process."""

from flask import Request, Response

from functions.http.bodies import json_response, read_object
from functions.http.receiving import LARGE_BODY_BYTES, ReadTimeout, Receiver
from functions.http.route import Call, Route
from functions.http.router import Router
from functions.openai.request import read_body
from tests.functions.calling import FakeTokens

STRICT = ReadTimeout(
    silence_seconds=0.5, body_seconds=600, grace_seconds=1, bytes_per_second=100_000
)
PATIENT = ReadTimeout(silence_seconds=600, body_seconds=600)


def show(call: Call) -> Response:
    return json_response({})


def count(call: Call) -> Response:
    return json_response({"fields": len(read_object(call.request))})


def take(call: Call) -> Response:
    return json_response(
        {name: len(part) for name, part in read_body(call.request).items()}
    )


router = Router(
    (
        Route(method="GET", path="/open", handler=show, is_open=True),
        Route(method="POST", path="/count", handler=count),
        Route(method="POST", path="/take", handler=take, max_bytes=LARGE_BODY_BYTES),
    ),
    FakeTokens(),
    [],
    receiver=Receiver(STRICT),
)
awaited = Route(method="POST", path="/await", handler=take, max_bytes=LARGE_BODY_BYTES)
patient = Router((awaited,), FakeTokens(), [], receiver=Receiver(PATIENT))


def served(request: Request) -> Response:
    return (patient if request.path == awaited.path else router)(request)
