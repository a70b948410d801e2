"""What no web page of another site can do to the servers on a developer's machine."""

import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

import local.identity
from local.emulators.firestore_guard import firestore_guard
from local.http_server import HttpServer, as_json, routed
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
    """What needs no preflight: text/plain, and the token in the query."""
    headers = headers | {"Content-Type": "text/plain"}
    query = "documentId=evil&access_token=owner"
    return requests.post(f"{url}/videos?{query}", DOCUMENT, headers=headers, timeout=10)


def channel(url: str, headers: dict[str, str]) -> requests.Response:
    """WebChannel's first request: the token stands in the form's body."""
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
def test_a_foreign_page_gets_nothing_from_firestore(
    guard: HttpServer, firestore_client: Any, attack: Attack, headers: dict[str, str]
) -> None:
    url = documents(guard, firestore_client.project)

    answer = attack(url, headers)

    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert not firestore_client.document("videos/evil").get().exists


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="an image"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="of another port"),
        pytest.param({"Origin": EVIL}, id="fetched"),
    ],
)
def test_a_foreign_page_reads_nothing_either(
    guard: HttpServer, headers: dict[str, str]
) -> None:
    answer = requests.get(documents(guard, "p"), headers=headers, timeout=10)

    assert answer.status_code == 403


def test_a_channel_that_names_no_page_is_refused(guard: HttpServer) -> None:
    answer = requests.get(f"{guard.url}{CHANNEL}?VER=8&CVER=22", timeout=10)

    assert answer.status_code == 403


@pytest.mark.parametrize("attack", ATTACKS)
def test_our_own_page_uses_firestore_as_ever(
    guard: HttpServer, firestore_client: Any, attack: Attack
) -> None:
    url = documents(guard, firestore_client.project)

    answer = attack(url, {"Origin": PAGE})

    # The answer is the emulator's: its rules don't know the token in a query.
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

    # The write stream's hello, while the answer goes on.
    assert b"streamToken" in first


def test_grpc_goes_through_with_its_listeners(
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
    now = datetime.now(UTC)

    tokens = {user_token("p", "ann", admin=False, now=now) for _ in range(2)}

    assert len(tokens) == 1
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert os.listdir(key.parent) == ["key.pem"]
    assert LocalIdentity.of_checkout("p").key_id in str(
        LocalIdentity.load(key, project="p").certificates()
    )
