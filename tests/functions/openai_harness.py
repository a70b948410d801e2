"""The OpenAI-compatible routes on fakes, as a Flask app that may lose answers."""

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from functions.http.router import Router
from functions.openai.errors import openai_problem
from functions.openai.routes import OPENAI_ROUTES
from tests.functions.api_harness import wire
from tests.functions.calling import FakeTokens, client_of
from tests.usecases.harness import Harness

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

JPEG = b"\xff\xd8\xff an image"


def app_on(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The routes with the real use cases; `Bearer ann` is Ann's token."""
    wire(harness, monkeypatch)
    error_renderers = {"/openai/": openai_problem}
    return client_of(
        Router(OPENAI_ROUTES, FakeTokens(), [], error_renderers=error_renderers)
    ).application


def uploads(harness: Harness) -> set[str]:
    return {name for name in harness.bucket.objects if name.startswith("uploads/")}


class LosingAnswers:
    """Handles every request, but hangs up instead of the next `to_lose` answers."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.to_lose = 0
        self.handled = 0
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        answer = self._app(environ, start_response)
        self.handled += 1
        if self.to_lose:
            self.to_lose -= 1
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer
