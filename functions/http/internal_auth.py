"""Restricts a private function to the one service account that may invoke it."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

import structlog
from flask import Request, Response
from structlog.contextvars import bind_contextvars

from functions.http.request_context import serve
from shared.domain.errors import ApiError, Unreachable, WrittenLater
from shared.ports.identity import Callers
from shared.wiring import process

log = structlog.get_logger()

# Cloud Tasks throttles the whole queue after one of these.
THROTTLING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

Function = Callable[[Request], Response]


def restricted_to(
    callers: Callable[[], Callers], *, seconds: float
) -> Callable[[Function], Function]:
    """Check the caller's identity token, in addition to IAM. Fails closed.

    `seconds`: less than the function's own timeout, after which its response is lost.
    """

    def guard(function: Function) -> Function:
        @wraps(function)
        def guarded(request: Request) -> Response:
            return serve(
                request,
                process.settings().project,
                seconds,
                lambda: _respond(function, callers, request),
                is_private=True,
            )

        return guarded

    return guard


def _respond(
    function: Function, callers: Callable[[], Callers], request: Request
) -> Response:
    bind_contextvars(route=function.__name__)
    try:
        callers().check(request.headers.get("Authorization"))
        return function(request)
    except ApiError as refused:
        log.warning("private_call_refused", code=refused.code)
        return Response(status=_without_throttling(refused.status))
    except (Unreachable, WrittenLater) as error:
        log.error("step_failed", reason=str(error))
        return Response(status=500)
    except Exception:
        # This is the entry point: log the crash; the task is delivered again.
        log.exception("function_crashed")
        return Response(status=500)


def _without_throttling(status: int) -> int:
    """A 500 is retried just the same, but doesn't throttle the queue."""
    return 500 if status in THROTTLING else status
