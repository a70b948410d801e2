"""The api's own description over HTTP: OpenAPI for programs, a page for people."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from flask import Response
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from functions.docs.template import (
    STYLE,
    TEMPLATE,
)
from functions.docs.view import View
from functions.http.bodies import answer
from functions.http.openapi import document
from functions.http.response_headers import base_path
from functions.http.route import Call, Operation, Route
from shared.domain.job import Language

LANGUAGES = ((Language.ENGLISH, "English"), (Language.KOREAN, "한국어"))
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# The page is its one style and nothing else: no script, no image, no other origin.
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def open_routes(routes: Sequence[Route]) -> tuple[Route, ...]:
    """The two calls that describe `routes` and themselves, made once an address."""

    def show_openapi(call: Call) -> Response:
        return answer(described(base_path(call.request)))

    def show_docs(call: Call) -> Response:
        asked = call.request.args.get("lang")
        language = Language(asked) if asked in tuple(Language) else call.language
        return Response(
            page(base_path(call.request), language),
            mimetype="text/html",
            headers={"Content-Security-Policy": PAGE_POLICY},
        )

    @cache
    def described(server_url: str) -> Mapping[str, Any]:
        return document((*routes, *own), server_url)

    @cache
    def page(server_url: str, language: Language) -> str:
        return render(described(server_url), language)

    own = (
        Route(
            method="GET",
            path="/v1/openapi.json",
            handler=show_openapi,
            is_open=True,
            operation=Operation(
                summary="This api in OpenAPI 3.1",
                summary_ko="이 API의 OpenAPI 3.1 문서입니다",
                tag="service",
                answers={200: {"type": "object"}},
            ),
        ),
        Route(
            method="GET",
            path="/docs",
            handler=show_docs,
            is_open=True,
            operation=Operation(
                summary="This page",
                summary_ko="이 페이지입니다",
                tag="service",
                answers={200: {"type": "string"}},
                media_type="text/html",
            ),
        ),
    )
    return own


def render(openapi: Mapping[str, Any], language: Language) -> str:
    """The page for people who read `language`; everything in it is escaped."""
    view = View(openapi, language)
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["spoken"] = _spoken
    return environment.from_string(TEMPLATE).render(
        style=Markup(STYLE),  # noqa: S704 - a constant of ours
        words=view.words,
        language=language.value,
        languages=LANGUAGES,
        lead=view.lead(),
        groups=view.groups(),
        objects=view.objects(),
    )


def _spoken(text: str) -> Markup:
    """What stands between backticks is code; all of it is escaped."""
    parts = (
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part)
        for n, part in enumerate(text.split("`"))
    )
    return Markup("").join(parts)
