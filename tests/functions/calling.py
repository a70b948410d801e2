"""A function as the framework calls it: one Flask request in, one answer out."""

from collections.abc import Callable

from flask import Flask, Request, Response, request
from flask.testing import FlaskClient

from shared.domain.errors import Forbidden, ReelayError, Unauthenticated
from shared.ports.identity import Caller

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
TOKENS = {"Bearer ann": Caller(user_id="ann"), "Bearer bob": Caller(user_id="bob")}


def client_of(function: Callable[[Request], Response]) -> FlaskClient:
    """Every path and method reaches `function`; what it raises reaches the test."""
    app = Flask(__name__)
    app.testing = True

    def call(path: str) -> Response:
        return function(request)

    for rule in ("/", "/<path:path>"):
        app.add_url_rule(
            rule,
            endpoint=rule,
            view_func=call,
            methods=METHODS,
            defaults={"path": ""} if rule == "/" else None,
            provide_automatic_options=False,
        )
    return app.test_client()


class FakeTokens:
    """`Bearer ann` is Ann's token, `Bearer bob` is Bob's."""

    def __init__(self) -> None:
        self.failures: list[ReelayError] = []

    def caller(self, authorization: str | None, *, spends: bool = False) -> Caller:
        if self.failures:
            raise self.failures.pop(0)
        if authorization not in TOKENS:
            raise Unauthenticated("nobody's")
        return TOKENS[authorization]


class FakeCallers:
    """`Bearer invoker` may call; `Bearer other` is known, and may not."""

    def check(self, authorization: str | None) -> None:
        if authorization == "Bearer other":
            raise Forbidden("another invoker")
        if authorization != "Bearer invoker":
            raise Unauthenticated("nobody's")
