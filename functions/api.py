"""The function `api`: public HTTPS; all but a few calls need a token."""

from flask import Request, Response

from functions.admin import ADMIN_ROUTES
from functions.docs.routes import open_routes
from functions.http.bodies import answer
from functions.http.route import Call, Operation, Route
from functions.http.router import Router
from functions.http.schemas import record
from functions.models import MODEL_ROUTES
from functions.openai.errors import openai_problem
from functions.openai.routes import OPENAI_ROUTES
from functions.uploads import UPLOAD_ROUTES
from functions.usage import USAGE_ROUTES
from functions.videos import VIDEO_ROUTES
from shared import wiring


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
        tell={"/openai/": openai_problem},
    )


def _health(_call: Call) -> Response:
    return answer({"status": "ok"})


HEALTH_ROUTE = Route(
    method="GET",
    path="/health",
    handler=_health,
    operation=Operation(
        summary="Whether the api answers",
        summary_ko="API가 응답하는지 확인합니다",
        tag="service",
        answers={200: record("Health", status={"type": "string", "const": "ok"})},
    ),
    is_open=True,
)
DESCRIBED = (
    *VIDEO_ROUTES,
    *UPLOAD_ROUTES,
    *MODEL_ROUTES,
    *USAGE_ROUTES,
    *ADMIN_ROUTES,
    *OPENAI_ROUTES,
    HEALTH_ROUTE,
)
ROUTES = (*DESCRIBED, *open_routes(DESCRIBED))
