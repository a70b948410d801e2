"""The page for people: whole, escaped, in both languages, and nothing but itself."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from flask import Response
from flask.testing import FlaskClient

from functions.api import ROUTES
from functions.docs.routes import open_routes
from functions.http.bodies import answer
from functions.http.route import Call, Operation, Route
from functions.http.router import Router
from tests.functions.calling import FakeTokens, client_of


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return client_of(Router(ROUTES, FakeTokens(), []))


def show(_call: Call) -> Response:
    return answer({})


def test_every_call_is_on_the_page(client: FlaskClient) -> None:
    page = client.get("/docs").text

    for route in ROUTES:
        path = route.path.replace("<", "{").replace(">", "}")
        assert f"<code>{path}</code>" in page


def test_it_loads_nothing_and_runs_nothing(client: FlaskClient) -> None:
    response = client.get("/docs")

    assert response.content_type == "text/html; charset=utf-8"
    assert not re.findall(
        r"<script|<link|<img|<iframe| src=| style=|@import", response.text
    )
    addresses = re.findall(r'href="([^"]*)"', response.text)
    assert not [a for a in addresses if a.startswith(("http", "//", "/"))]


def test_its_policy_allows_its_own_style_alone(client: FlaskClient) -> None:
    response = client.get("/docs")

    (style,) = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert f"default-src 'none'; style-src 'sha256-{digest}';" in policy
    assert "frame-ancestors 'none'" in policy


def test_every_link_of_it_leads_somewhere(client: FlaskClient) -> None:
    page = client.get("/docs").text

    places = re.findall(r' id="([^"]+)"', page)
    assert len(set(places)) == len(places)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(places)


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/docs", "", "en"),
        ("/docs", "ko-KR,ko;q=0.9", "ko"),
        ("/docs?lang=ko", "en", "ko"),
        ("/docs?lang=en", "ko", "en"),
        ("/docs?lang=<b>", "", "en"),
    ],
)
def test_it_comes_in_the_readers_language(
    client: FlaskClient, path: str, accepted: str, language: str
) -> None:
    page = client.get(path, headers={"Accept-Language": accepted}).text

    assert f'<html lang="{language}">' in page
    assert ("영상 생성을 요청합니다" in page) is (language == "ko")
    assert ("Ask for a video" in page) is (language == "en")


def test_what_a_route_says_is_escaped() -> None:
    operation = Operation(
        summary="<b>`<i>`",
        summary_ko="",
        tag="<u>",
        answers={200: None},
        example={"a": "</code>"},
    )
    route = Route(method="GET", path="/x", handler=show, operation=operation)
    routes = (route, replace(route, path="/y"))
    client = client_of(Router(open_routes(routes), FakeTokens(), []))

    page = client.get("/docs").text

    assert "&lt;b&gt;<code>&lt;i&gt;</code>" in page
    assert not re.findall(r"<b>|<i>|<u>", page, re.IGNORECASE)


def test_programs_get_the_same_description(client: FlaskClient) -> None:
    response = client.get("/v1/openapi.json")

    assert response.content_type == "application/json"
    assert response.get_json()["openapi"] == "3.1.0"
