"""What functions-framework would answer by itself, answered by the function."""

import gc
import importlib

import pytest
from flask import Flask
from flask.testing import FlaskClient
from functions_framework import create_app
from gunicorn.config import Config

from functions.start import put_off_garbage_collection
from tests.functions.test_router import check_problem

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


def test_garbage_is_collected_as_ever_once_the_process_has_started() -> None:
    gc.collect()  # whatever read main.py before has started
    usual, callbacks = gc.get_threshold(), [*gc.callbacks]

    for _ in range(2):
        put_off_garbage_collection()
    assert gc.get_threshold()[0] > 100 * usual[0]

    gc.collect()
    gc.collect()
    assert (gc.get_threshold(), gc.callbacks) == (usual, callbacks)


def test_nothing_asks_for_the_buckets_own_metadata_beside_each_call() -> None:
    importlib.import_module("main")
    library = importlib.import_module("google.cloud.storage._opentelemetry_tracing")

    assert library._is_bucket_metadata_disabled()
