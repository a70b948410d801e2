"""How a request finds its call: path, caller, language; and errors their answer."""

import time
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

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

from functions.http.problems import problem
from functions.http.receiving import DRAIN, DRAIN_STRANGER, Receiver, drain
from functions.http.request_context import request_context
from functions.http.response_headers import add_headers
from functions.http.route import ANYONE, PATH_ARGUMENT, Call, Route
from shared.domain.errors import (
    ApiError,
    Forbidden,
    Malformed,
    NotAllowed,
    NotFound,
    TooLarge,
    Unavailable,
    Unreachable,
)
from shared.domain.job import Language
from shared.ports.identity import Caller, Tokens
from shared.rates import RateLimit
from shared.request_time import limited_to

log = structlog.get_logger()

# With the last try of a read, a Firestore that is silent is a 503 within 15 s.
CALL_SECONDS = 12.0

ErrorAnswer = Callable[[ApiError, Language, Mapping[str, str] | None], Response]


class Router:
    """Answers requests by its routes; an ApiError becomes an answer here alone.

    `project`: whose traces the log lines belong to. `answers_errors`: below which path
    errors are answered otherwise than as problems. `rate`: requests of one user.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        tokens: Tokens,
        origins: Sequence[str],
        project: str = "",
        answers_errors: Mapping[str, ErrorAnswer] | None = None,
        receiver: Receiver | None = None,
        rate: RateLimit | None = None,
    ) -> None:
        self._map = Map(
            [Rule(r.path, methods=[r.method], endpoint=r) for r in routes],
            strict_slashes=False,
            redirect_defaults=False,
        )
        self._tokens = tokens
        self._origins = frozenset(origins)
        self._project = project
        self._answers_errors = dict(answers_errors or {})
        self._receiver = receiver or Receiver()
        self._rate = rate or RateLimit(20)

    def __call__(self, request: Request) -> Response:
        began = time.monotonic()
        # Not the request, which may be Flask's proxy: that is gone once it is answered.
        environ, unread = request.environ, request.stream
        with request_context(request, self._project) as request_id:
            with limited_to(CALL_SECONDS):
                response = self._answered(request)
            add_headers(response, request, request_id, self._origins)
            log.info(
                "request_served",
                method=request.method[:16],
                status=response.status_code,
                duration_ms=round((time.monotonic() - began) * 1000),
            )
        limit = DRAIN if environ.get(KNOWN) else DRAIN_STRANGER
        # Once the answer is sent: a caller who is still sending has it by then. The
        # framework would read the body before, whole and without an end.
        response.call_on_close(lambda: drain(environ, unread, limit))
        request.stream = BytesIO()
        return response

    def _answered(self, request: Request) -> Response:
        language, error_answer = _language(request), self._error_answer(request)
        try:
            return self._handled(request, language)
        except NotAllowed as refused:
            return error_answer(refused, language, {"Allow": self._allowed(request)})
        except ApiError as refused:
            return error_answer(refused, language, None)
        except Unreachable as error:
            log.error("request_failed", reason=str(error))
            return error_answer(Unavailable(), language, None)
        except Exception:
            # The entry point: reported to us, and to the caller only that it failed.
            log.exception("request_crashed")
            return error_answer(ApiError(), language, None)

    def _error_answer(self, request: Request) -> ErrorAnswer:
        for path, error_answer in self._answers_errors.items():
            if request.path.startswith(path):
                return error_answer
        return problem

    def _handled(self, request: Request, language: Language) -> Response:
        if request.method == "OPTIONS":
            return Response(status=204, headers={"Allow": self._allowed(request)})
        route, arguments = self._route(request)
        caller = ANYONE if route.is_open else self._caller(request, route)
        call = Call(
            request=request, caller=caller, language=language, arguments=arguments
        )
        if route.is_open or not route.reads_body:
            return _called(route, call)
        with (
            self._receiver.receive(request, caller.user_id, route.most_bytes),
            # How long the body's sender took is not the call's time.
            limited_to(CALL_SECONDS),
        ):
            return _called(route, call)

    def _caller(self, request: Request, route: Route) -> Caller:
        """Before anything of the body is read: strangers are answered at once."""
        authorization = request.headers.get("Authorization")
        caller = self._tokens.caller(authorization, check_revoked=route.checks_revoked)
        request.environ[KNOWN] = True
        bind_contextvars(user_id=caller.user_id)
        if caller.key_id is not None:
            bind_contextvars(key_id=caller.key_id)
        if route.is_for_admins and not caller.is_admin:
            raise Forbidden
        self._rate.take(caller.user_id, route.tokens)
        return caller

    def _route(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        """Routes are matched first, so that an unknown path is a 404 for everyone."""
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
        """The path's methods; NotFound if it has none."""
        methods = set(self._paths(request).allowed_methods())
        if not methods:
            raise NotFound
        return ", ".join(sorted(methods | {"OPTIONS"}))

    def _paths(self, request: Request) -> MapAdapter:
        if request.environ["PATH_INFO"].startswith("//"):  # werkzeug makes it "/"
            raise NotFound
        return self._map.bind("", path_info=request.path)


# In a request's environ: whether its caller is known.
KNOWN = "reelay.caller_is_known"


def _called(route: Route, call: Call) -> Response:
    """What werkzeug raises about a body is ours here."""
    try:
        return route.handler(call)
    except RequestEntityTooLarge as error:
        raise TooLarge from error
    except BadRequest as error:
        raise Malformed(type(error).__name__) from error


def _language(request: Request) -> Language:
    """The caller's first choice of those that we speak; regions make no difference."""
    for tag, quality in request.accept_languages:
        spoken = tag.partition("-")[0].lower()
        if quality > 0 and spoken in tuple(Language):
            return Language(spoken)
    return Language.ENGLISH
