"""The API documentation: a packaged viewer, served by us, in both languages."""

import gzip
import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.api import ROUTES
from functions.docs import OPENAPI_RATE, VIEWER_RATE
from functions.http.router import Router
from shared.rates import BURST_SECONDS, RateLimit
from tests.functions.calling import FakeTokens, client_of
from tests.new_process import run_code

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


def test_the_page_runs_its_own_script_and_loads_nothing_from_elsewhere(
    client: FlaskClient,
) -> None:
    response = client.get("/docs")

    (policy,) = response.headers.getlist("Content-Security-Policy")
    assert "default-src 'none'; script-src 'self';" in policy
    assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert not re.findall(r"https?:|//", re.sub(r"<!.*", "", response.text))
    settings = configuration(response.text)
    assert not settings["telemetry"] and not settings["withDefaultFonts"]
    assert settings["hideTestRequestButton"]


@pytest.mark.parametrize(
    ("path", "rate"),
    [("/v1/openapi.json", "OPENAPI_RATE"), ("/docs/viewer.js", "VIEWER_RATE")],
)
def test_large_files_are_sent_to_strangers_at_a_limited_rate(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str, rate: str
) -> None:
    """We pay for each byte that leaves the cloud."""
    monkeypatch.setattr(f"functions.docs.{rate}", RateLimit(1, clock=lambda: 0.0))

    statuses = [client.get(path).status_code for _ in range(BURST_SECONDS + 1)]

    assert statuses == [*[200] * BURST_SECONDS, 429]


@pytest.mark.parametrize(
    ("path", "rate"),
    [("/v1/openapi.json", OPENAPI_RATE), ("/docs/viewer.js", VIEWER_RATE)],
)
def test_strangers_who_download_all_day_cost_little(
    client: FlaskClient, path: str, rate: RateLimit
) -> None:
    """$0.12 for each GB, from each of four instances (docs/security.md)."""
    gigabytes = len(client.get(path).data) * rate.per_second * 86_400 / 1e9

    assert gigabytes * 4 * 0.12 < 20


def test_the_viewer_comes_from_the_package_and_is_cached_by_browsers(
    client: FlaskClient,
) -> None:
    (address,) = re.findall(r'<script src="([^"]*)"', client.get("/docs").text)

    response = client.get(address)

    assert response.headers["Content-Encoding"] == "gzip"
    (caching,) = response.headers.getlist("Cache-Control")
    assert "immutable" in caching
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
def test_the_page_and_the_document_are_in_the_readers_language(
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
def test_the_calls_that_create_videos_carry_the_ai_notice(
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


def test_a_cold_start_does_not_import_the_viewer() -> None:
    assert run_code(COLD).stdout == "[]\n"
