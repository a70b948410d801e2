"""The function `api`: public HTTPS; all routes but a few require a token."""

from flask import Request, Response

from functions.admin import ADMIN_ROUTES
from functions.docs import docs_routes
from functions.http.bodies import json_response
from functions.http.route import Call, Route
from functions.http.router import Router
from functions.http.schemas import constant, record
from functions.models import MODEL_ROUTES
from functions.openai.errors import openai_problem
from functions.openai.routes import OPENAI_ROUTES
from functions.prompts import PROMPT_ROUTES
from functions.uploads import UPLOAD_ROUTES
from functions.usage import USAGE_ROUTES
from functions.videos import VIDEO_ROUTES
from shared.rates import RateLimit
from shared.wiring import process
from shared.wiring.once import once

HEALTH = record("Health", "The API answers.", status=constant("Always `ok`.", "ok"))


def api(request: Request) -> Response:
    """Entry point."""
    return _router()(request)


@once
def _router() -> Router:
    settings = process.settings()
    return Router(
        ROUTES,
        process.tokens(),
        settings.allowed_origins,
        settings.project,
        error_renderers={"/openai/": openai_problem},
        rate=RateLimit(settings.user_requests_per_second),
    )


def _health(_call: Call) -> Response:
    return json_response({"status": "ok"})


HEALTH_ROUTE = Route(
    method="GET",
    path="/health",
    handler=_health,
    is_open=True,
    summary="Check that the API answers",
    description="Doesn't call any other service.",
    tag="service",
    responses={200: HEALTH},
)
DOCUMENTED = (
    *VIDEO_ROUTES,
    *UPLOAD_ROUTES,
    *PROMPT_ROUTES,
    *MODEL_ROUTES,
    *USAGE_ROUTES,
    *OPENAI_ROUTES,
    *ADMIN_ROUTES,
    HEALTH_ROUTE,
)
ROUTES = (*DOCUMENTED, *docs_routes(DOCUMENTED))
