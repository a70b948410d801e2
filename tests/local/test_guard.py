"""Web pages of other sites get nothing from the servers on a developer's machine."""

import json
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from google.auth import jwt
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from werkzeug import Request, Response
from werkzeug.test import create_environ, run_wsgi_app

import local.identity
from local.emulators.firestore_guard import firestore_guard
from local.entry import drain_refused
from local.http_server import HttpServer, application, as_json, guarded, routed
from local.identity import LocalIdentity, user_token

PAGE = "http://127.0.0.1:8080"
EVIL = "https://evil.example"
CHANNEL = "/google.firestore.v1.Firestore/Write/channel"


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
    answer = requests.request(method, server.url, headers=headers, timeout=10)

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
        is_reset.wait(20)

    def view(_: Request) -> Response:
        response = Response(pieces(), headers={"Content-Length": "9"})
        response.call_on_close(is_closed.set)
        return response

    with HttpServer(application(view)) as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        client.sendall(REQUEST)
        while not client.recv(1024).endswith(b"first"):
            pass
        at_once = struct.pack("ii", 1, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        client.close()
        is_reset.set()

        assert is_closed.wait(20)


@pytest.fixture
def guard(firestore_emulator: str) -> Iterator[HttpServer]:
    with firestore_guard(firestore_emulator, origins=[PAGE]) as guard:
        yield guard


def documents(guard: HttpServer, project: str) -> str:
    return f"{guard.url}/v1/projects/{project}/databases/(default)/documents"


Attack = Callable[[str, dict[str, str]], requests.Response]
DOCUMENT = json.dumps({"fields": {"job_id": {"stringValue": "evil"}}})


def patch(url: str, headers: dict[str, str]) -> requests.Response:
    owner = {"Authorization": "Bearer owner", "Content-Type": "application/json"}
    headers = headers | owner
    return requests.patch(f"{url}/videos/evil", DOCUMENT, headers=headers, timeout=10)


def plain_post(url: str, headers: dict[str, str]) -> requests.Response:
    """A request without a preflight: text/plain, with the token in the query."""
    headers = headers | {"Content-Type": "text/plain"}
    query = "documentId=evil&access_token=owner"
    return requests.post(f"{url}/videos?{query}", DOCUMENT, headers=headers, timeout=10)


def channel(url: str, headers: dict[str, str]) -> requests.Response:
    """WebChannel's first request: the token is in the form's body."""
    root, _, path = url.partition("/v1/")
    database = path.removesuffix("/documents")
    query = urlencode({"VER": "8", "database": database, "RID": "1", "CVER": "22"})
    form = {
        "headers": "Authorization:Bearer owner\r\nContent-Type:text/plain\r\n",
        "count": "1",
        "ofs": "0",
        "req0___data__": json.dumps({"database": database}),
    }
    url = f"{root}{CHANNEL}?{query}"
    return requests.post(url, data=form, headers=headers, timeout=10)


ATTACKS = [patch, plain_post, channel]
FOREIGN: dict[str, dict[str, str]] = {
    "another page": {"Origin": EVIL},
    "a sandboxed page": {"Origin": "null"},
    "a rebound name": {"Host": "rebound.example", "Origin": "http://rebound.example"},
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_page_cannot_write_to_firestore(
    guard: HttpServer, firestore_client: Any, attack: Attack, headers: dict[str, str]
) -> None:
    url = documents(guard, firestore_client.project)

    answer = attack(url, headers)

    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert not firestore_client.document("videos/evil").get().exists


DOCUMENTS = "/v1/projects/p/databases/(default)/documents"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param(DOCUMENTS, {"Sec-Fetch-Site": "cross-site"}, id="an image"),
        pytest.param(DOCUMENTS, {"Sec-Fetch-Site": "same-site"}, id="of another port"),
        pytest.param(DOCUMENTS, {"Origin": EVIL}, id="fetched"),
        pytest.param(f"{CHANNEL}?VER=8&CVER=22", {}, id="a channel that names no page"),
    ],
)
def test_a_foreign_page_cannot_read_from_firestore(
    guard: HttpServer, path: str, headers: dict[str, str]
) -> None:
    answer = requests.get(guard.url + path, headers=headers, timeout=10)

    assert answer.status_code == 403


@pytest.mark.parametrize("attack", ATTACKS)
def test_our_own_page_can_use_firestore(
    guard: HttpServer, firestore_client: Any, attack: Attack
) -> None:
    url = documents(guard, firestore_client.project)

    answer = attack(url, {"Origin": PAGE})

    # The answer is the emulator's, whose rules don't accept a token in a query.
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.ok or attack is plain_post


def test_a_channel_streams_through_the_guard(
    guard: HttpServer, firestore_client: Any
) -> None:
    started = channel(
        documents(guard, firestore_client.project), {"Origin": PAGE}
    ).text.partition("\n")[2]
    [[_, [_, session, *_]], *_] = json.loads(started)
    database = f"projects/{firestore_client.project}/databases/(default)"
    query = {"VER": "8", "database": database, "RID": "rpc", "SID": session}
    query |= {"AID": "0", "CI": "0", "TYPE": "xmlhttp", "t": "1"}

    with requests.get(
        f"{guard.url}{CHANNEL}?{urlencode(query)}",
        headers={"Origin": PAGE},
        stream=True,
        timeout=10,
    ) as answer:
        first = next(answer.iter_content(1024))

    # The write stream's first message, while the answer is still open.
    assert b"streamToken" in first


def test_grpc_and_its_listeners_pass_the_guard(
    guard: HttpServer, firestore_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{guard.port}")
    client: Any = firestore.Client(
        project=firestore_client.project, credentials=AnonymousCredentials()
    )
    seen = threading.Event()

    def changed(found: list[Any], *_: object) -> None:
        if found and found[0].exists:
            seen.set()

    watch = client.document("videos/a").on_snapshot(changed)
    try:
        firestore_client.document("videos/a").set({"job_id": "a"})
        assert seen.wait(20)
        assert client.document("videos/a").get().to_dict() == {"job_id": "a"}
    finally:
        watch.unsubscribe()
        client.close()


def test_a_token_is_signed_by_a_key_that_only_this_user_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / ".local" / "key.pem"
    monkeypatch.setattr(local.identity, "CHECKOUT_KEY", key)

    signed_by = {jwt.decode_header(user_token("p", "ann"))["kid"] for _ in range(2)}

    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert os.listdir(key.parent) == ["key.pem"]
    assert signed_by == LocalIdentity.load(key, project="p").certificates().keys()
