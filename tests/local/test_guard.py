"""Web pages of other sites get nothing from the servers on a developer's machine."""

import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from google.auth import jwt
from werkzeug import Request, Response
from werkzeug.test import create_environ, run_wsgi_app

import local.identity
from local.emulators.firestore_guard import firestore_guard
from local.entry import drain_refused
from local.http_server import HttpServer, application, as_json, guarded, routed
from local.identity import LocalIdentity, user_token

PAGE = "http://127.0.0.1:8080"
EVIL = "https://evil.example"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    routes = {(m, "/"): lambda _: as_json("done") for m in ("GET", "POST", "PUT")}
    with HttpServer(routed(routes), origins=[PAGE]) as server:
        yield server


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        pytest.param("GET", {}, 200, id="a program"),
        pytest.param("POST", {}, 200, id="a program that writes"),
        pytest.param("GET", {"Host": "localhost:99"}, 200, id="a forwarded port"),
        pytest.param("POST", {"Origin": PAGE}, 200, id="our page"),
        pytest.param("GET", {"Host": "rebound.example"}, 403, id="a rebound name"),
        pytest.param("GET", {"Host": "127.0.0.1.evil.example"}, 403, id="a long name"),
        pytest.param("GET", {"Host": "[::"}, 403, id="no name"),
        pytest.param("POST", {"Origin": EVIL}, 403, id="another page"),
        pytest.param("POST", {"Origin": "null"}, 403, id="a page in a sandbox"),
        pytest.param("PUT", {"Origin": PAGE + "1"}, 403, id="another port"),
        pytest.param("POST", {"Sec-Fetch-Site": "same-site"}, 403, id="no origin"),
        pytest.param("POST", {"Sec-Fetch-Site": "none"}, 200, id="a typed address"),
    ],
)
def test_a_local_server_answers_programs_and_its_own_page(
    server: HttpServer, method: str, headers: dict[str, str], status: int
) -> None:
    answer = requests.request(method, server.url, headers=headers, timeout=100)

    assert answer.status_code == status


def test_the_rest_of_a_refused_pages_body_is_not_awaited() -> None:
    """The functions run under gunicorn, which reads the rest of a body first."""
    ours, pages = socket.socketpair()
    app = guarded(application(lambda _: as_json("done")), [PAGE], drain_refused)
    environ = create_environ(method="POST", headers={"Origin": EVIL})
    environ |= {"CONTENT_LENGTH": "90000", "gunicorn.socket": ours}

    with ours, pages, ours.makefile("rb") as environ["wsgi.input"]:
        pages.sendall(b"some of it")
        _, status, _ = run_wsgi_app(app, environ, buffered=True)

        assert status == "403 FORBIDDEN"
        ours.setblocking(False)
        assert ours.recv(1) == b"", "the connection would still be read from"


REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_a_response_is_closed_even_if_the_client_resets_its_connection() -> None:
    is_reset, is_closed = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first"
        is_reset.wait(100)

    def view(_: Request) -> Response:
        response = Response(pieces(), headers={"Content-Length": "9"})
        response.call_on_close(is_closed.set)
        return response

    with HttpServer(application(view)) as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=100)
        client.sendall(REQUEST)
        while not client.recv(1024).endswith(b"first"):
            pass
        at_once = struct.pack("ii", 1, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        client.close()
        is_reset.set()

        assert is_closed.wait(100)


DOCUMENTS = "/v1/projects/p/databases/(default)/documents"
CHANNEL = "/google.firestore.v1.Firestore/Write/channel?VER=8&CVER=22"
REBOUND = {"Host": "rebound.example", "Origin": "http://rebound.example"}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        pytest.param("GET", DOCUMENTS, {"Sec-Fetch-Site": "cross-site"}, id="an image"),
        pytest.param("GET", DOCUMENTS, {"Sec-Fetch-Site": "same-site"}, id="a port"),
        pytest.param("GET", DOCUMENTS, {"Origin": EVIL}, id="fetched"),
        pytest.param("GET", CHANNEL, {}, id="a channel that names no page"),
        pytest.param("POST", CHANNEL, {"Origin": EVIL}, id="a channel of another page"),
        pytest.param("PATCH", DOCUMENTS, {"Origin": "null"}, id="a page in a sandbox"),
        pytest.param("PATCH", DOCUMENTS, REBOUND, id="a rebound name"),
    ],
)
def test_a_foreign_pages_request_never_reaches_firestore(
    method: str, path: str, headers: dict[str, str]
) -> None:
    nowhere = "127.0.0.1:1"
    with firestore_guard(nowhere, origins=[PAGE]) as guard:
        answer = requests.request(
            method, guard.url + path, headers=headers, timeout=100
        )

    assert answer.status_code == 403


def test_an_answer_streams_through_the_guard() -> None:
    """As a WebChannel's, which stays open while the page listens."""
    has_arrived = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first"
        has_arrived.wait(120)

    with (
        HttpServer(application(lambda _: Response(pieces()))) as emulator,
        firestore_guard(f"127.0.0.1:{emulator.port}", origins=[PAGE]) as guard,
        requests.get(guard.url + DOCUMENTS, stream=True, timeout=60) as answer,
    ):
        assert next(answer.iter_content(1024)) == b"first"
        has_arrived.set()


def test_a_token_is_signed_by_a_key_that_only_this_user_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / ".local" / "key.pem"
    monkeypatch.setattr(local.identity, "CHECKOUT_KEY", key)

    signed_by = {jwt.decode_header(user_token("p", "ann"))["kid"] for _ in range(2)}

    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert os.listdir(key.parent) == ["key.pem"]
    assert signed_by == LocalIdentity.load(key, project="p").certificates().keys()
