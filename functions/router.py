"""How a request finds its call: path, caller, language; and errors their answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from flask import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import Map, Rule

from functions.problems import problem
from shared.domain.errors import (
    NotAllowed,
    NotFound,
    Refused,
    Unavailable,
    Unreachable,
)
from shared.domain.job import Language
from shared.ports import Caller, Tokens

log = structlog.get_logger()

CORS_METHODS = "GET, POST, DELETE, OPTIONS"
CORS_HEADERS = "Authorization, Content-Type, Idempotency-Key, Accept-Language"
CORS_EXPOSED = "Location, Retry-After, Idempotent-Replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way to a handler. `caller` is None on open routes alone."""

    request: Request
    caller: Caller
    language: Language
    arguments: Mapping[str, str]


Handler = Callable[[Call], Response]
NOBODY = Caller(user_id="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`is_open`: answered without a token."""

    method: str
    path: str
    handler: Handler
    is_open: bool = False


class Router:
    """Answers requests by its routes; a Refused becomes a problem, here alone."""

    def __init__(
        self, routes: Sequence[Route], tokens: Tokens, origins: Sequence[str]
    ) -> None:
        self._map = Map(
            [Rule(r.path, methods=[r.method], endpoint=r) for r in routes],
            strict_slashes=False,
            redirect_defaults=False,
        )
        self._tokens = tokens
        self._origins = frozenset(origins)

    def __call__(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            response = Response(status=204)
        else:
            response = self._answered(request)
        response.headers.update(self._cors(request))
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    def _answered(self, request: Request) -> Response:
        language = _language(request)
        try:
            return self._handled(request, language)
        except Refused as refused:
            return problem(refused, language)
        except Unreachable as error:
            log.error("request_failed", path=request.path, reason=str(error))
            return problem(Unavailable(), language)
        except Exception:
            # The entry point: reported to us, told to nobody.
            log.exception("request_crashed", path=request.path)
            return problem(Refused(), language)

    def _handled(self, request: Request, language: Language) -> Response:
        route, arguments = self._route(request)
        caller = NOBODY
        if not route.is_open:
            caller = self._tokens.caller(request.headers.get("Authorization"))
        return route.handler(
            Call(request=request, caller=caller, language=language, arguments=arguments)
        )

    def _route(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        try:
            adapter = self._map.bind("", path_info=request.path)
            return adapter.match(method=request.method)
        except MethodNotAllowed as error:
            raise NotAllowed from error
        except (NoRoute, HTTPException) as error:
            raise NotFound from error

    def _cors(self, request: Request) -> dict[str, str]:
        """Exact origins alone; an origin that isn't ours gets no header at all."""
        origin = request.headers.get("Origin")
        if origin not in self._origins:
            return {"Vary": "Origin"}
        return {
            "Access-Control-Allow-Origin": origin or "",
            "Access-Control-Allow-Methods": CORS_METHODS,
            "Access-Control-Allow-Headers": CORS_HEADERS,
            "Access-Control-Expose-Headers": CORS_EXPOSED,
            "Access-Control-Max-Age": "3600",
            "Vary": "Origin",
        }


def _language(request: Request) -> Language:
    best = request.accept_languages.best_match(["en", "ko"], default="en")
    return Language(best)
