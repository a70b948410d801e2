"""The function under functions-framework: its catch-all, and garbage collection."""

import importlib
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from functions_framework import create_app
from gunicorn.config import Config

import main
from tests.functions.test_router import check_problem
from tests.new_process import run_code

BARE = {"GOOGLE_CLOUD_PROJECT": "demo-x", "BUCKET": "videos"}
SOURCE = """
from functions.http.catch_all import install_catch_all
from tests.functions.served import served

install_catch_all(served)
"""


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    source = tmp_path_factory.mktemp("served") / "root_of_served.py"
    source.write_text(SOURCE)
    app: Flask = create_app("served", str(source), "http")
    return app.test_client()


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/favicon.ico", "/robots.txt", "/static/x", "/open%0a", "//open", "/"]
)
def test_an_unknown_path_gets_our_own_404(
    client: FlaskClient, method: str, path: str
) -> None:
    response = client.open(path, method=method)

    check_problem(response, 404, "not_found")
    assert response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    # The rest of a body is read here, after the request's context is gone.
    response.close()


def test_a_known_path_reaches_the_function(client: FlaskClient) -> None:
    assert client.get("/open").get_json() == {}


def test_gunicorn_opens_no_control_socket() -> None:
    importlib.import_module("main")

    assert Config().control_socket_disable


def test_a_client_closes_an_idle_connection_before_gunicorn_does() -> None:
    importlib.import_module("main")

    # Google's load balancers keep idle connections for ten minutes.
    assert Config().keepalive > 600


HEARTBEATS = """
import main
from functions_framework._http.gunicorn import GunicornApplication
print(GunicornApplication(None, "127.0.0.1", 0, False).cfg.timeout)
"""


def test_no_worker_is_killed_for_its_heartbeats_while_its_instance_was_frozen() -> None:
    """Cloud Run throttles the CPU to nothing between requests. 0: there is no limit."""
    ran = run_code(HEARTBEATS, environ={"CLOUD_RUN_TIMEOUT_SECONDS": "300"})

    assert ran.stdout == "0\n", ran.stderr


FORKABLE = """
import sys, threading
from functions_framework import create_app

create_app(sys.argv[1], "main.py", "http")
print("grpc" in sys.modules, threading.active_count())
"""


@pytest.mark.parametrize("name", main.__all__)
def test_no_client_is_built_before_gunicorn_forks(name: str) -> None:
    """gRPC's threads don't survive it. The framework imports main.py before that."""
    ran = run_code(FORKABLE, name, environ=BARE)

    assert ran.stdout == "False 1\n", ran.stderr


STARTS = """
import gc
from functions.start import enable_gc_after_first_response
from tests.functions.served import served

gc.disable()
enable_gc_after_first_response()
"""
REQUESTS = """
import gc, sys
from functions_framework import create_app

client = create_app("served", sys.argv[1], "http").test_client()
for _ in range(3):
    settled = gc.get_threshold()[0], gc.get_freeze_count() > 50_000
    print(gc.isenabled(), settled == (10_000, True), file=sys.stderr)
    client.get("/open").close()
"""


def test_garbage_is_collected_from_the_first_answer_on(tmp_path: Path) -> None:
    """Often enough for memory: a vendor's SDK leaves an image of megabytes among some
    200 objects.
    """
    source = tmp_path / "root_that_starts.py"
    source.write_text(STARTS)

    ran = run_code(REQUESTS, str(source))

    assert ran.stderr.splitlines() == ["False False", "True True", "True True"]


def test_a_start_collects_no_garbage_while_it_imports() -> None:
    code = """
import gc, main
print(gc.isenabled(), sum(each["collections"] for each in gc.get_stats()) < 50)
"""
    ran = run_code(code)

    assert ran.stdout.split() == ["True", "True"]
