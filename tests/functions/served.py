"""A function of a few routes, for a process of its own: the real server's part."""

from flask import Request, Response

from functions.http.bodies import answer, read_object
from functions.http.receiving import LARGE_BODY_BYTES, ReadTimeout, Receiver
from functions.http.route import Call, Route
from functions.http.router import Router
from functions.openai.request import read_asked
from tests.functions.calling import FakeTokens

REQUEST = ReadTimeout(
    silence_seconds=0.5, body_seconds=600, grace_seconds=1, bytes_per_second=100_000
)


def show(call: Call) -> Response:
    return answer({})


def count(call: Call) -> Response:
    return answer({"fields": len(read_object(call.request))})


def take(call: Call) -> Response:
    return answer({name: len(part) for name, part in read_asked(call.request).items()})


router = Router(
    (
        Route(method="GET", path="/open", handler=show, is_open=True),
        Route(method="POST", path="/count", handler=count),
        Route(method="POST", path="/take", handler=take, most_bytes=LARGE_BODY_BYTES),
    ),
    FakeTokens(),
    [],
    receiver=Receiver(REQUEST),
)


def served(request: Request) -> Response:
    return router(request)
