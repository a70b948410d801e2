"""Calls a function as the framework does; checks each answer against the OpenAPI."""

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Flask, Request, Response, request
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.test import TestResponse

from functions.api import ROUTES
from functions.docs import openapi
from functions.http.bodies import json_response
from functions.http.route import Route
from shared.domain.errors import Forbidden, ReelayError, Unauthenticated
from shared.ports.identity import Caller

ANN = {"Authorization": "Bearer ann"}
BOB = {"Authorization": "Bearer bob"}
OPERATOR = {"Authorization": "Bearer operator"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
TOKENS = {
    "Bearer ann": Caller(user_id="ann"),
    "Bearer bob": Caller(user_id="bob"),
    "Bearer operator": Caller(user_id="min-ji", is_admin=True),
}


@cache
def document() -> Any:
    """The OpenAPI document as a client gets it."""
    return json_response(openapi(ROUTES)).get_json()


PATHS = Map([Rule(r.path, methods=[r.method], endpoint=r) for r in ROUTES]).bind("")


def check_described(path: str, method: str, response: TestResponse) -> None:
    """Assert that the OpenAPI document describes the response."""
    try:
        route, _ = PATHS.match(path, method=method)
    except HTTPException:
        return
    assert isinstance(route, Route)
    if not route.summary:
        return
    described = document()["paths"][route.path.replace("<", "{").replace(">", "}")]
    known = described[method.lower()]["responses"]
    assert str(response.status_code) in known, response.text
    described = known[str(response.status_code)]
    for media_type, content in described.get("content", {}).items():
        assert response.mimetype == media_type
        if media_type != "text/html":
            check_schema(content["schema"], response.get_json(force=True))
            assert response.text.endswith("\n"), "a terminal's prompt follows it"
    if codes := described.get("x-codes"):
        body = response.get_json(force=True)
        assert body.get("error", body)["code"] in codes


def check_schema(schema: Any, value: object) -> None:
    within = {**schema, "components": document()["components"]}
    Draft202012Validator(within).validate(value)


class CheckedClient(FlaskClient):
    def open(self, *args: Any, **named: Any) -> TestResponse:
        response = super().open(*args, **named)
        if response.request.method not in ("HEAD", "OPTIONS"):
            check_described(response.request.path, response.request.method, response)
        return response


def client_of(function: Callable[[Request], Response]) -> FlaskClient:
    """A client whose every request calls `function`; exceptions reach the test."""
    app = Flask(__name__)
    app.testing = True
    app.test_client_class = CheckedClient

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
    """`Bearer ann` and `Bearer bob` are users, `Bearer operator` is an administrator.

    `revocations` has `check_revoked` of each call.
    """

    def __init__(self) -> None:
        self.failures: list[ReelayError] = []
        self.revocations: list[bool] = []

    def caller(
        self, authorization: str | None, *, check_revoked: bool = True
    ) -> Caller:
        self.revocations.append(check_revoked)
        if self.failures:
            raise self.failures.pop(0)
        if authorization not in TOKENS:
            raise Unauthenticated("unknown")
        return TOKENS[authorization]


class FakeCallers:
    """`Bearer invoker` may call; `Bearer other` is authenticated, but may not."""

    def check(self, authorization: str | None) -> None:
        if authorization == "Bearer other":
            raise Forbidden("another invoker")
        if authorization != "Bearer invoker":
            raise Unauthenticated("unknown")
