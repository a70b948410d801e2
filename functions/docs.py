"""Serves the API's documentation: an OpenAPI document and a page that renders it.

The page is Scalar's API reference, whose script is served from an installed package.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from flask import Response

from functions.http.bodies import json_response, read_query
from functions.http.openapi import document
from functions.http.response_headers import base_path
from functions.http.route import Call, Route
from functions.webhooks import WEBHOOK_TAG, WEBHOOKS
from shared.domain.fields import Field
from shared.domain.job import Language
from shared.domain.specs import Choice
from shared.rates import RateLimit

_AI_BASIC_ACT = "https://www.law.go.kr/" + quote(
    "법령/인공지능발전과신뢰기반조성등에관한기본법"
)
DESCRIPTION = f"""\
Reelay turns an image and a prompt into an MP4. If one provider fails, it moves on to \
the next; if all fail, you get the reason for each.

**First call.** Upload an image with `POST /v1/uploads`, or use a public URL. Create a \
video with `POST /v1/videos`. Follow it with `GET /v1/videos/{{job_id}}`, or listen to \
the Firestore document `videos/{{job_id}}`, until `status` is `completed` or `failed`.

**Authentication.** Send a Firebase ID token or, from a server, an API key (`rk_…`): \
`Authorization: Bearer TOKEN`. In the examples, it replaces `YOUR_SECRET_TOKEN`.

**Webhooks.** With an API key, `webhook_url` gets one signed message when the job \
ends, so that a server need not poll.

**Formats.** JSON in snake_case; times are RFC 3339 in UTC; money is a decimal string \
in USD. Errors are RFC 9457 problems, with messages in English or Korean by \
`Accept-Language`.

**AI notice.** Videos are made by generative AI. Tell your users before they create \
one, as Korea's [AI Basic Act]({_AI_BASIC_ACT}) (article 31) and the EU's \
[AI Act](https://eur-lex.europa.eu/eli/reg/2024/1689/oj) (article 50) ask. \
Each video says `ai_generated` and `generated_by`. This is not legal advice."""
INFO = {
    "title": "Reelay API",
    "version": "1",
    "description": DESCRIPTION,
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}
TAGS: Mapping[str, tuple[str, str]] = {
    "videos": ("Videos", "Create a video, follow it, list, cancel and delete."),
    WEBHOOK_TAG: ("Webhooks", "What is sent to your `webhook_url`."),
    "uploads": ("Uploads", "Upload the image to use as the first frame."),
    "prices": ("Prices and models", "What a video costs, and who can make it."),
    "usage": ("Usage", "What was made and spent."),
    "openai": ("OpenAI's Videos API", "For clients written for OpenAI, unchanged."),
    "admin": ("Administration", "For administrators only."),
    "service": ("Service", "The service itself."),
}
_KOREAN = Path(__file__).with_name("docs.ko.json")
# The fields of an OpenAPI document that people read, and that are therefore localized.
_LOCALIZED = ("summary", "description", "x-displayName")
LANGUAGES = {Language.ENGLISH: "English", Language.KOREAN: "한국어"}
LANGUAGE_FIELDS: Mapping[str, Field] = {
    "lang": Field(
        spec=Choice(values=tuple(Language), title="Language"),
        description="The language; without it, `Accept-Language` decides.",
    )
}
VIEWER = "flask_openapi_scalar"
# Neither needs a token, and all strangers share these rates, so that none of them can
# have us send terabytes. The viewer has 1.4 MB, and browsers cache it.
VIEWER_RATE = RateLimit(0.25, burst=10)
# 0.2 MB, which a program downloads once.
OPENAPI_RATE = RateLimit(2, burst=25)
# The page makes no requests to other origins and has no field for a token.
VIEWER_CONFIGURATION: Mapping[str, Any] = {
    "withDefaultFonts": False,
    "telemetry": False,
    "persistAuth": False,
    "hideTestRequestButton": True,
    "hideClientButton": True,
    "orderSchemaPropertiesBy": "preserve",
    "showDeveloperTools": "never",
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
    "defaultHttpClient": {"targetKey": "shell", "clientKey": "curl"},
}
# Scalar's script adds its styles to the page. The page loads nothing else.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_PAGE = Path(__file__).with_name("docs.html")


def docs_routes(routes: Sequence[Route]) -> tuple[Route, ...]:
    """The routes that serve the documentation, of `routes` and of themselves."""

    def show_openapi(call: Call) -> Response:
        OPENAPI_RATE.take("everyone")
        return json_response(described(base_path(call.request), _language(call)))

    @cache
    def described(server_url: str, language: Language) -> Mapping[str, Any]:
        return openapi((*routes, *own), server_url, language)

    own = (
        Route(
            method="GET",
            path="/v1/openapi.json",
            handler=show_openapi,
            is_open=True,
            summary="Get this description",
            description="The API in OpenAPI 3.1.",
            tag="service",
            query=LANGUAGE_FIELDS,
            responses={200: {"type": "object", "examples": [{"openapi": "3.1.0"}]}},
            problems=(429,),
        ),
        Route(
            method="GET",
            path="/docs",
            handler=_show_page,
            is_open=True,
            summary="Read the documentation",
            description="This API's documentation, for people.",
            tag="service",
            query=LANGUAGE_FIELDS,
            responses={200: {"type": "string", "examples": ["<!doctype html>"]}},
            media_type="text/html",
        ),
        Route(method="GET", path="/docs/viewer.js", handler=_show_viewer, is_open=True),
    )
    return own


def openapi(
    routes: Sequence[Route],
    server_url: str = "/",
    language: Language = Language.ENGLISH,
) -> Mapping[str, Any]:
    """`server_url`: the base path of all routes."""
    used = {WEBHOOK_TAG, *(route.tag for route in routes)}
    tags = [
        {"name": tag, "x-displayName": name, "description": what}
        for tag, (name, what) in TAGS.items()
        if tag in used
    ]
    about = {"info": INFO, "servers": [{"url": server_url}], "tags": tags}
    written = document(routes, about, language, WEBHOOKS)
    return to_korean(written) if language is Language.KOREAN else written


def to_korean(part: Any) -> Any:
    """An OpenAPI document, or a part of one, with its text for people in Korean."""
    if isinstance(part, list):
        return [to_korean(item) for item in part]
    if not isinstance(part, Mapping):
        return part
    return {
        name: korean_texts()["document"].get(inner, inner)
        if name in _LOCALIZED and isinstance(inner, str)
        else to_korean(inner)
        for name, inner in part.items()
    }


@cache
def korean_texts() -> Mapping[str, Any]:
    return dict(json.loads(_KOREAN.read_text(encoding="utf-8")))


def _language(call: Call) -> Language:
    chosen = read_query(call.request, LANGUAGE_FIELDS)["lang"]
    return Language(chosen) if chosen else call.language


def _show_page(call: Call) -> Response:
    language, base = _language(call), base_path(call.request)
    return Response(
        _page(language, base),
        mimetype="text/html",
        headers={"Content-Security-Policy": PAGE_POLICY},
    )


@cache
def _page(language: Language, base: str) -> str:
    openapi_url = f"{base}v1/openapi.json?lang={language}"
    configuration = {**VIEWER_CONFIGURATION, "url": openapi_url}
    if language is Language.KOREAN:
        translations = korean_texts()["viewer"]
        configuration["localization"] = {"locale": "ko", "translations": translations}
    marks = {True: ' aria-current="page"', False: ""}
    links = " ".join(
        f'<a href="{base}docs?lang={code}" lang="{code}"{marks[code is language]}>'
        f"{name}</a>"
        for code, name in LANGUAGES.items()
    )
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        language=language,
        links=links,
        openapi=openapi_url,
        configuration=escape(json.dumps(configuration)),
        viewer=f"{base}docs/viewer.js?v={version(VIEWER)}",
    )


def _show_viewer(_call: Call) -> Response:
    VIEWER_RATE.take("everyone")
    headers = {
        "Content-Encoding": "gzip",
        "Cache-Control": "public, max-age=31536000, immutable",
    }
    return Response(_viewer(), mimetype="text/javascript", headers=headers)


@cache
def _viewer() -> bytes:
    """Read on the first request; the package itself is never imported."""
    package = find_spec(VIEWER)
    assert package is not None and package.origin is not None
    script = Path(package.origin).parent / "templates/scalar/js/scalar.standalone.js"
    return gzip.compress(script.read_bytes(), mtime=0)
