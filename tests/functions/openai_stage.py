"""OpenAI's routes on fakes: as a Flask app, or as a server for its own client."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from functions.openai_problems import openai_problem
from functions.openai_videos import OPENAI_ROUTES
from functions.router import Router
from shared import wiring
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS
from shared.usecases.create_video import CreateVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.get_video import GetVideo
from shared.usecases.keep_upload import KeepUpload
from shared.usecases.list_videos import ListVideos
from shared.usecases.wake import Waker
from tests.functions.calling import FakeTokens, client_of
from tests.usecases.stage import Stage

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

JPEG = b"\xff\xd8\xff a picture"


def app_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The routes and the real use cases; `Bearer ann` is Ann's token."""
    jobs, bucket, clock, ids = stage.jobs, stage.bucket, stage.clock, stage.ids
    built: dict[str, object] = {
        "create_video": _create(stage),
        "get_video": GetVideo(jobs=jobs, bucket=bucket, clock=clock, ids=ids),
        "list_videos": ListVideos(jobs=jobs, bucket=bucket, clock=clock, ids=ids),
        "delete_video": DeleteVideo(jobs=jobs, bucket=bucket, pause=clock.pause),
        "keep_upload": KeepUpload(bucket=bucket),
    }
    for name, use_case in built.items():
        monkeypatch.setattr(wiring, name, lambda use_case=use_case: use_case)
    tell = {"/openai/": openai_problem}
    return client_of(Router(OPENAI_ROUTES, FakeTokens(), [], tell=tell)).application


def _create(stage: Stage) -> CreateVideo:
    return CreateVideo(
        jobs=stage.jobs,
        waker=Waker(queue=stage.queue),
        clock=stage.clock,
        ids=stage.ids,
        pause=stage.clock.pause,
        kill_switch=stage.kill_switch,
        limits=stage.jobs.limits,
        chain=DEFAULT_CHAIN,
        models=DEFAULT_MODELS,
        stop_on_unknown=False,
        retention_days=30,
    )


class LosingAnswers:
    """Handles every request, and hangs up in place of the next `to_lose` answers.

    `meanwhile` is what the worker does after each request.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self.to_lose = 0
        self.handled = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        answer = self._app(environ, start_response)
        self.handled += 1
        self.meanwhile()
        if self.to_lose:
            self.to_lose -= 1
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of a server of `app` that lives as long as the block."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    quickly = {"poll_interval": 0.02}
    thread = threading.Thread(target=server.serve_forever, kwargs=quickly)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
