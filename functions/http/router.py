"""How a request finds its call: path, caller, language; and errors their answer."""

import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from flask import Request, Response
from structlog.contextvars import bind_contextvars
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    MethodNotAllowed,
    RequestEntityTooLarge,
)
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import Map, MapAdapter, Rule

from functions.http.bodies import (
    bound_body,
    discard_body,
)
from functions.http.problems import problem
from functions.http.receiving import (
    DRAIN,
    REQUEST,
    LargeBodies,
    ReadTimeout,
    patience,
)
from functions.http.request_context import request_context
from functions.http.response_headers import add_headers
from functions.http.route import ANYONE, PATH_ARGUMENT, Call, Route
from shared.domain.errors import (
    ApiError,
    Malformed,
    NotAllowed,
    NotFound,
    TooLarge,
    Unavailable,
    Unreachable,
)
from shared.domain.job import Language
from shared.ports.identity import (
    Caller,
    Tokens,
)

log = structlog.get_logger()


Tell = Callable[[ApiError, Language, Mapping[str, str] | None], Response]


class Router:
    """Answers requests by its routes; a Refused becomes a problem, here alone.

    `project`: whose traces the log lines belong to. `tell`: how errors are told below
    a path, where not as problems. `reading`, `leaving`: how long a
    caller may send a body, before the answer and after it.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        tokens: Tokens,
        origins: Sequence[str],
        project: str = "",
        tell: Mapping[str, Tell] | None = None,
        reading: ReadTimeout = REQUEST,
        leaving: ReadTimeout = DRAIN,
    ) -> None:
        self._map = Map(
            [Rule(r.path, methods=[r.method], endpoint=r) for r in routes],
            strict_slashes=False,
            redirect_defaults=False,
        )
        self._tokens = tokens
        self._origins = frozenset(origins)
        self._project = project
        self._tell = dict(tell or {})
        self._reading, self._leaving = reading, leaving
        self._large = LargeBodies()

    def __call__(self, request: Request) -> Response:
        began = time.monotonic()
        with request_context(request, self._project) as request_id:
            response = self._answered(request)
            add_headers(response, request, request_id, self._origins)
            discard_body(request, self._leaving)
            log.info(
                "request_served",
                method=request.method[:16],
                status=response.status_code,
                duration_ms=round((time.monotonic() - began) * 1000),
            )
        return response

    def _answered(self, request: Request) -> Response:
        language, tell = _language(request), self._told(request)
        try:
            return self._handled(request, language)
        except NotAllowed as refused:
            return tell(refused, language, {"Allow": self._allowed(request)})
        except ApiError as refused:
            return tell(refused, language, None)
        except Unreachable as error:
            log.error("request_failed", reason=str(error))
            return tell(Unavailable(), language, None)
        except Exception:
            # The entry point: reported to us, told to nobody.
            log.exception("request_crashed")
            return tell(ApiError(), language, None)

    def _told(self, request: Request) -> Tell:
        for path, tell in self._tell.items():
            if request.path.startswith(path):
                return tell
        return problem

    def _handled(self, request: Request, language: Language) -> Response:
        bound_body(request)
        if request.method == "OPTIONS":
            return Response(status=204, headers={"Allow": self._allowed(request)})
        route, arguments = self._route(request)
        caller = ANYONE if route.is_open else self._caller(request, route)
        call = Call(
            request=request, caller=caller, language=language, arguments=arguments
        )
        with self._large.room_for(request), patience(request, self._reading):
            return _called(route, call)

    def _caller(self, request: Request, route: Route) -> Caller:
        authorization = request.headers.get("Authorization")
        caller = self._tokens.caller(authorization, spends=route.spends)
        bind_contextvars(user_id=caller.user_id)
        if caller.key_id is not None:
            bind_contextvars(key_id=caller.key_id)
        return caller

    def _route(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        """Before the token is asked for: what is not there is there for nobody."""
        try:
            route, arguments = self._paths(request).match(method=request.method)
        except MethodNotAllowed as error:
            raise NotAllowed from error
        except (NoRoute, HTTPException) as error:
            raise NotFound from error
        bind_contextvars(route=route.path)
        if not all(PATH_ARGUMENT.fullmatch(value) for value in arguments.values()):
            raise NotFound
        return route, arguments

    def _allowed(self, request: Request) -> str:
        """The path's methods; NotFound where it has none."""
        methods = set(self._paths(request).allowed_methods())
        if not methods:
            raise NotFound
        return ", ".join(sorted(methods | {"OPTIONS"}))

    def _paths(self, request: Request) -> MapAdapter:
        return self._map.bind("", path_info=request.path)


def _called(route: Route, call: Call) -> Response:
    """What the framework's own readers of forms and bodies raise is ours here."""
    try:
        return route.handler(call)
    except RequestEntityTooLarge as error:
        raise TooLarge from error
    except BadRequest as error:
        raise Malformed(type(error).__name__) from error


def _language(request: Request) -> Language:
    """The first that we speak, as the caller ranks them; regions make no difference."""
    for tag, quality in request.accept_languages:
        spoken = tag.partition("-")[0].lower()
        if quality > 0 and spoken in tuple(Language):
            return Language(spoken)
    return Language.ENGLISH
