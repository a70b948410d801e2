"""The function `sweep`: every minute, wakes jobs whose next step is overdue."""

from flask import Request, Response

from functions.http.bodies import answer
from functions.http.internal_auth import for_callers_of
from shared import wiring


@for_callers_of(wiring.sweep_callers, seconds=wiring.STEP_SECONDS)
def sweep(_request: Request) -> Response:
    return answer({"woken": wiring.sweep()()})
