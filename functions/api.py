"""The function `api`: public HTTPS; all but a few calls need a token."""

from flask import Request, Response

from functions.admin import ADMIN_ROUTES
from functions.docs import docs_routes
from functions.http.bodies import answer
from functions.http.route import Call, Operation, Route
from functions.http.router import Router
from functions.http.schemas import constant, record
from functions.models import MODEL_ROUTES
from functions.openai.errors import openai_problem
from functions.openai.routes import OPENAI_ROUTES
from functions.prompts import PROMPT_ROUTES
from functions.uploads import UPLOAD_ROUTES
from functions.usage import USAGE_ROUTES
from functions.videos import VIDEO_ROUTES
from shared import wiring
from shared.rates import RateLimit

HEALTH = record("Health", "The API answers.", status=constant("Always `ok`.", "ok"))


def api(request: Request) -> Response:
    """Entry point."""
    return _router()(request)


@wiring.once
def _router() -> Router:
    settings = wiring.settings()
    return Router(
        ROUTES,
        wiring.tokens(),
        settings.allowed_origins,
        settings.project,
        answers_errors={"/openai/": openai_problem},
        rate=RateLimit(settings.user_requests_per_second),
    )


def _health(_call: Call) -> Response:
    return answer({"status": "ok"})


HEALTH_ROUTE = Route(
    method="GET",
    path="/health",
    handler=_health,
    is_open=True,
    operation=Operation(
        summary="Check that the API answers",
        description="Asks nothing of other services.",
        tag="service",
        answers={200: HEALTH},
    ),
)
DESCRIBED = (
    *VIDEO_ROUTES,
    *UPLOAD_ROUTES,
    *PROMPT_ROUTES,
    *MODEL_ROUTES,
    *USAGE_ROUTES,
    *OPENAI_ROUTES,
    *ADMIN_ROUTES,
    HEALTH_ROUTE,
)
ROUTES = (*DESCRIBED, *docs_routes(DESCRIBED))
