"""What functions-framework would answer by itself, answered by the function."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from functions_framework import create_app
from gunicorn.config import Config

from tests.functions.test_router import check_problem

ROOT = Path(__file__).parents[2]
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
def test_what_is_not_there_is_not_there_in_our_words(
    client: FlaskClient, method: str, path: str
) -> None:
    response = client.open(path, method=method)

    check_problem(response, 404, "not_found")
    assert response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    # What is left of a body is read here, when the request's context is gone.
    response.close()


def test_what_is_there_is_called_as_ever(client: FlaskClient) -> None:
    assert client.get("/open").get_json() == {}


def test_no_socket_controls_a_running_function() -> None:
    importlib.import_module("main")

    assert Config().control_socket_disable


def test_garbage_is_looked_for_seldom_but_before_it_fills_the_memory() -> None:
    """A vendor's SDK leaves an image of megabytes among some 200 objects."""
    code = """
import gc
import main
print(gc.isenabled(), gc.get_threshold(), gc.get_freeze_count() > 50_000)
print(sum(generation["collections"] for generation in gc.get_stats()))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    settled, collections = ran.stdout.splitlines()
    assert settled == "True (10000, 10, 10) True"
    assert int(collections) < 50
