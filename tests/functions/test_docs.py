"""The page for people: a packaged viewer, served by ourselves, in both languages."""

import gzip
import json
import re
import subprocess
import sys
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.api import ROUTES
from functions.http.router import Router
from tests.functions.calling import FakeTokens, client_of

COLD = """
import sys, main
print([name for name in ("flask_openapi_scalar", "flask_openapi", "pydantic")
       if name in sys.modules])
"""


@pytest.fixture
def client() -> FlaskClient:
    return client_of(Router(ROUTES, FakeTokens(), []))


def configuration(page: str) -> Any:
    (found,) = re.findall(r'data-configuration="([^"]*)"', page)
    return json.loads(unescape(found))


def test_the_page_runs_its_own_script_and_asks_no_other_origin(
    client: FlaskClient,
) -> None:
    response = client.get("/docs")

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert not re.findall(r"https?:|//", re.sub(r"<!.*", "", response.text))
    settings = configuration(response.text)
    assert not settings["telemetry"] and not settings["withDefaultFonts"]
    assert settings["hideTestRequestButton"]


def test_the_viewer_is_the_packages_and_kept_by_browsers(client: FlaskClient) -> None:
    (address,) = re.findall(r'<script src="([^"]*)"', client.get("/docs").text)

    response = client.get(address)

    assert response.headers["Content-Encoding"] == "gzip"
    assert "immutable" in response.headers["Cache-Control"]
    assert b"api-reference" in gzip.decompress(response.data)
    assert re.search(r"\?v=\d+\.\d+", address)


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "ko-KR,ko;q=0.9", "ko"),
        ("?lang=ko", "en", "ko"),
        ("?lang=en", "ko", "en"),
    ],
)
def test_page_and_document_are_in_the_readers_language(
    client: FlaskClient, query: str, accepted: str, language: str
) -> None:
    headers = {"Accept-Language": accepted}
    page = client.get(f"/docs{query}", headers=headers).text
    document = client.get(f"/v1/openapi.json{query}", headers=headers).get_json()

    assert f'<html lang="{language}">' in page
    assert configuration(page)["url"] == f"/v1/openapi.json?lang={language}"
    assert ("localization" in configuration(page)) is (language == "ko")
    summary = document["paths"]["/v1/videos"]["post"]["summary"]
    assert summary == {"en": "Create a video", "ko": "영상 생성"}[language]


@pytest.mark.parametrize(
    ("language", "notice"), [("en", "enerative AI makes"), ("ko", "생성형 인공지능이")]
)
def test_whoever_creates_a_video_is_told_that_ai_makes_it(
    client: FlaskClient, language: str, notice: str
) -> None:
    document = client.get(f"/v1/openapi.json?lang={language}").get_json()

    for path in ("/v1/videos", "/openai/v1/videos"):
        assert notice in document["paths"][path]["post"]["description"]
    overview = document["info"]["description"]
    assert "www.law.go.kr" in overview and "eur-lex.europa.eu" in overview


@pytest.mark.parametrize("path", ["/docs", "/v1/openapi.json"])
def test_another_language_is_a_wrong_field(client: FlaskClient, path: str) -> None:
    assert client.get(f"{path}?lang=<b>").status_code == 422


def test_a_cold_start_does_not_pay_for_it() -> None:
    run = [sys.executable, "-c", COLD]

    assert subprocess.run(run, capture_output=True, text=True).stdout == "[]\n"
