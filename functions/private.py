"""What guards a private function: only its own invoker gets in."""

from collections.abc import Callable
from functools import wraps

import structlog
from flask import Request, Response

from shared.domain.errors import Refused, Unreachable
from shared.ports import Callers

log = structlog.get_logger()

Function = Callable[[Request], Response]


def for_callers_of(callers: Callable[[], Callers]) -> Callable[[Function], Function]:
    """Check the caller's identity token first, beside IAM; fail closed."""

    def guard(function: Function) -> Function:
        @wraps(function)
        def guarded(request: Request) -> Response:
            try:
                callers().check(request.headers.get("Authorization"))
                return function(request)
            except Refused as refused:
                log.warning("private_call_refused", code=refused.code)
                return Response(status=refused.status)
            except Unreachable as error:
                # 500 asks for another delivery; 429 or 503 would slow the whole queue.
                log.error("step_failed", reason=str(error))
                return Response(status=500)

        return guarded

    return guard
