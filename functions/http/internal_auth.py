"""Guards a private function: only its own invoker may call it."""

import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

import structlog
from flask import Request, Response

from functions.http.request_context import request_context
from shared import wiring
from shared.domain.errors import ApiError, Unreachable
from shared.ports.identity import Callers
from shared.request_time import limited_to

log = structlog.get_logger()

# Cloud Tasks slows the whole queue down for these.
SLOWING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

Function = Callable[[Request], Response]


def for_callers_of(
    callers: Callable[[], Callers], *, seconds: float
) -> Callable[[Function], Function]:
    """Check the caller's identity token, in addition to IAM. Any doubt is a refusal.

    `seconds`: less than the function's own time, after which nobody hears its answer.
    """

    def guard(function: Function) -> Function:
        @wraps(function)
        def guarded(request: Request) -> Response:
            began = time.monotonic()
            with request_context(request, wiring.settings().project) as request_id:
                with limited_to(seconds):
                    response = _answered(function, callers, request)
                response.headers["X-Request-Id"] = request_id
                log.info(
                    "request_served",
                    method=request.method[:16],
                    route=function.__name__,
                    status=response.status_code,
                    duration_ms=round((time.monotonic() - began) * 1000),
                )
            return response

        return guarded

    return guard


def _answered(
    function: Function, callers: Callable[[], Callers], request: Request
) -> Response:
    try:
        callers().check(request.headers.get("Authorization"))
        return function(request)
    except ApiError as refused:
        log.warning("private_call_refused", code=refused.code)
        return Response(status=_harmless(refused.status))
    except Unreachable as error:
        log.error("step_failed", reason=str(error))
        return Response(status=500)
    except Exception:
        # The entry point: the crash is logged, and the task is delivered again.
        log.exception("function_crashed")
        return Response(status=500)


def _harmless(status: int) -> int:
    """A 500 asks for another delivery without slowing the queue."""
    return 500 if status in SLOWING else status
