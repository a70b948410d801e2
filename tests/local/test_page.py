"""The page's server: its configuration, who may sign in, and its security policy."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from google.auth import jwt
from werkzeug import Request
from werkzeug.test import EnvironBuilder

import local.identity
from local.http_server import HttpServer
from local.identity import LocalIdentity
from local.page import DEFAULT_USER, USERS, Page
from tests.local.conftest import ADDRESSES

MIN_JI = {"user": "min-ji"}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    monkeypatch.setattr(local.identity, "CHECKOUT_KEY", tmp_path / "key" / "key.pem")
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("the page")
    (folder / "assets" / "app.js").write_text("its program")
    (tmp_path / "secret").write_text("not its own")
    page = Page(project="demo-reelay", addresses=ADDRESSES, folder=folder)
    with page.server() as running:
        yield running


def test_signing_in_returns_a_token_signed_by_this_checkout(server: HttpServer) -> None:
    def claims(user: str) -> dict[str, object]:
        answer = requests.post(
            f"{server.url}/development/token", json={"user": user}, timeout=100
        ).json()
        keys = LocalIdentity.of_checkout("demo-reelay").certificates()
        return dict(jwt.decode(answer["token"], keys, audience="demo-reelay"))

    assert claims("min-ji")["sub"] == "min-ji"
    assert "admin" not in claims("jun-ho")
    assert claims("seo-yeon")["admin"] is True


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({}, MIN_JI, 200, id="a program"),
        pytest.param({"Origin": "https://evil.example"}, MIN_JI, 403, id="a stranger"),
        pytest.param({}, {"user": "root"}, 400, id="unknown user"),
        pytest.param({}, [], 400, id="no object"),
    ],
)
def test_only_the_page_itself_can_sign_in_and_only_its_users(
    server: HttpServer, headers: dict[str, str], body: object, status: int
) -> None:
    answer = requests.post(
        f"{server.url}/development/token",
        json.dumps(body),
        headers=headers,
        timeout=100,
    )

    assert answer.status_code == status
    assert ("token" in answer.text) == (status == 200)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/", 200, "the page"),
        ("/usage", 200, "the page"),
        ("/assets/app.js", 200, "its program"),
        ("/assets/gone.js", 404, ""),
        ("/..%2fsecret", 200, "the page"),
    ],
)
def test_a_path_that_is_no_file_is_one_of_the_pages_views(
    server: HttpServer, path: str, status: int, text: str
) -> None:
    answer = requests.get(server.url + path, timeout=100)

    assert answer.status_code == status
    assert text in answer.text


@pytest.mark.parametrize("path", ["/", "/a/view"])
def test_no_file_is_open_while_a_browser_receives_it(tmp_path: Path, path: str) -> None:
    (tmp_path / "index.html").write_text("the page")
    page = Page(project="p", addresses={}, folder=tmp_path)

    response = page._respond(Request(EnvironBuilder(path).get_environ()))

    assert response.get_data() == b"the page"
    assert response.is_sequence
    assert not response.direct_passthrough


def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    page = Page(project="demo", addresses=ADDRESSES, folder=tmp_path)
    with page.server() as server:
        answer = requests.get(server.url, timeout=100)

    assert "make web" in answer.text


def test_the_page_may_connect_only_to_the_stack(server: HttpServer) -> None:
    answer = requests.get(server.url, timeout=100)

    policy = answer.headers["Content-Security-Policy"]
    assert "https:" not in policy
    assert "unsafe" not in policy
    assert set(policy.partition("connect-src ")[2].partition(";")[0].split()) == {
        "'self'",
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
        "http://127.0.0.1:3",
    }
    assert "script-src 'self';" in policy


def test_the_page_gets_the_addresses_of_the_stack(server: HttpServer) -> None:
    config = requests.get(f"{server.url}/config.json", timeout=100).json()

    assert config["api"] == ADDRESSES["api"]
    assert config["emulators"]["firestore"] == ADDRESSES["firestore"]
    admins = [user["id"] for user in config["developmentUsers"] if user["admin"]]
    assert admins == ["seo-yeon"]
    assert config["simulated"] is False


def test_the_terminals_token_belongs_to_one_of_the_pages_users() -> None:
    assert DEFAULT_USER in {user["id"] for user in USERS}
