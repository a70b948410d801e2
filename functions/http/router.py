"""Matches a request to its route, authenticates the caller, and renders errors."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from io import BytesIO

import structlog
from flask import Request, Response
from structlog.contextvars import bind_contextvars
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, MapAdapter, Rule

from functions.http.problems import problem
from functions.http.receiving import Receiver, drain, is_unread
from functions.http.request_context import serve
from functions.http.response_headers import add_headers
from functions.http.route import ANYONE, PATH_ARGUMENT, Call, Route
from shared.domain.errors import (
    ApiError,
    Forbidden,
    LimitReached,
    NoSuchPath,
    NotAllowed,
    NotFound,
    Unavailable,
    Unreachable,
    WrittenLater,
)
from shared.domain.job import Language
from shared.ports.identity import Caller, Tokens
from shared.rates import RateLimit
from shared.request_time import limited_to

log = structlog.get_logger()

# With the last try of a read on top, an unresponsive Firestore is a 503 within 15 s.
CALL_SECONDS = 12.0
MAX_ACCEPT_LANGUAGE_LENGTH = 500
# To send this much costs us several times what a request costs.
BYTES_PER_TOKEN = 20_000
# To find a cap full takes up to 83 reads: all shards, for each price of the chain. More
# than one token would leave none of a burst to say that the cap is full.
TOKENS_OF_A_FULL_CAP = 1

ErrorRenderer = Callable[[ApiError, Language, Mapping[str, str] | None], Response]


@cache
def _url_map(routes: tuple[Route, ...]) -> Map:
    """The same one for all routers of these routes: it takes long to compile."""
    rules = [Rule(r.path, methods=[r.method], endpoint=r) for r in routes]
    return Map(rules, strict_slashes=False)


class Router:
    """Dispatches requests to `routes`. Only here do ApiErrors become responses.

    `project`: the Google Cloud project of the traces in log lines. `error_renderers`:
    by path prefix, how errors are rendered if not as problem+json. `rate`: the requests
    that one user may send.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        tokens: Tokens,
        origins: Sequence[str],
        project: str = "",
        error_renderers: Mapping[str, ErrorRenderer] | None = None,
        receiver: Receiver | None = None,
        rate: RateLimit | None = None,
    ) -> None:
        self._map = _url_map(tuple(routes))
        self._tokens = tokens
        self._origins = frozenset(origins)
        self._project = project
        self._error_renderers = dict(error_renderers or {})
        self._receiver = receiver or Receiver()
        self._rate = rate or RateLimit(20)

    def __call__(self, request: Request) -> Response:
        # Not `request`: it may be Flask's proxy, which is unbound after the response.
        environ, unread = request.environ, request.stream
        response = serve(
            request, self._project, CALL_SECONDS, lambda: self._respond(request)
        )
        self._charge_for_size(environ.get(CALLER_ID), response)
        add_headers(response, request, self._origins)

        def drain_rest() -> None:
            if is_unread(environ):
                with self._receiver.drain_limit(environ.get(CALLER_ID)) as limit:
                    drain(environ, unread, limit)

        # After the response is sent, so that a caller who is still sending already has
        # it. The framework would read all of the body first, without a limit.
        response.call_on_close(drain_rest)
        request.stream = BytesIO()
        return response

    def _respond(self, request: Request) -> Response:
        language, render_error = _language(request), self._error_renderer(request)
        try:
            return self._dispatch(request, language)
        except NotAllowed as refused:
            return render_error(refused, language, {"Allow": self._allowed(request)})
        except ApiError as refused:
            self._charge_for_refusal(request.environ.get(CALLER_ID), refused)
            return render_error(refused, language, None)
        except (Unreachable, WrittenLater) as error:
            log.error("request_failed", reason=str(error))
            return render_error(Unavailable(), language, None)
        except Exception:
            # This is the entry point: log the crash, and tell the caller no details.
            log.exception("request_crashed")
            return render_error(ApiError(), language, None)

    def _error_renderer(self, request: Request) -> ErrorRenderer:
        for prefix, render_error in self._error_renderers.items():
            if request.path.startswith(prefix):
                return render_error
        return problem

    def _dispatch(self, request: Request, language: Language) -> Response:
        if request.method == "OPTIONS":
            return Response(status=204, headers={"Allow": self._allowed(request)})
        route, arguments = self._match(request)
        caller = ANYONE if route.is_open else self._authenticate(request, route)
        call = Call(
            request=request, caller=caller, language=language, arguments=arguments
        )
        if route.is_open or not route.reads_body:
            return route.handler(call)
        with (
            self._receiver.receive(request, caller.user_id, route.max_bytes),
            # The time limit starts anew: it doesn't count how long the sender took.
            limited_to(CALL_SECONDS),
        ):
            return route.handler(call)

    def _authenticate(self, request: Request, route: Route) -> Caller:
        """Runs before the body is read, so that strangers are refused at once."""
        authorization = request.headers.get("Authorization")
        caller = self._tokens.caller(authorization, check_revoked=route.checks_revoked)
        request.environ[CALLER_ID] = caller.user_id
        bind_contextvars(user_id=caller.user_id)
        if caller.key_id is not None:
            bind_contextvars(key_id=caller.key_id)
        if route.is_for_admins and not caller.is_admin:
            raise Forbidden
        self._rate.take(caller.user_id, route.tokens(request))
        return caller

    def _charge_for_size(self, user_id: str | None, response: Response) -> None:
        tokens = (response.content_length or 0) // BYTES_PER_TOKEN
        if user_id is not None:
            self._rate.charge(user_id, tokens)

    def _charge_for_refusal(self, user_id: str | None, refused: ApiError) -> None:
        if user_id is not None and isinstance(refused, LimitReached):
            self._rate.charge(user_id, TOKENS_OF_A_FULL_CAP)

    def _match(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        """Runs before authentication, so that an unknown path is a 404 for everyone."""
        try:
            route, arguments = self._paths(request).match(method=request.method)
        except MethodNotAllowed as error:
            raise NotAllowed from error
        except HTTPException as error:
            raise NoSuchPath from error
        bind_contextvars(route=route.path)
        if not all(PATH_ARGUMENT.fullmatch(value) for value in arguments.values()):
            raise NotFound
        return route, arguments

    def _allowed(self, request: Request) -> str:
        """The path's methods; NoSuchPath if it has none."""
        methods = set(self._paths(request).allowed_methods())
        if not methods:
            raise NoSuchPath
        return ", ".join(sorted(methods | {"OPTIONS"}))

    def _paths(self, request: Request) -> MapAdapter:
        if request.environ["PATH_INFO"].startswith("//"):  # werkzeug makes it "/"
            raise NoSuchPath
        return self._map.bind("", path_info=request.path)


# The key in a request's environ of the caller's user ID, set once it is authenticated.
CALLER_ID = "reelay.caller_id"


def _language(request: Request) -> Language:
    """The caller's preferred one of our languages; regions are ignored.

    Overlong headers are ignored: no browser sends one, and parsing thousands of
    languages takes as long as ten requests.
    """
    if len(request.headers.get("Accept-Language", "")) > MAX_ACCEPT_LANGUAGE_LENGTH:
        return Language.ENGLISH
    for tag, quality in request.accept_languages:
        language = tag.partition("-")[0].lower()
        if quality > 0 and language in tuple(Language):
            return Language(language)
    return Language.ENGLISH
