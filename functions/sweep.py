"""The function `sweep`: enqueues overdue jobs, once a minute."""

from flask import Request, Response

from functions.http.bodies import json_response
from functions.http.internal_auth import restricted_to
from shared.wiring import process, steps


@restricted_to(process.sweep_callers, seconds=steps.STEP_SECONDS)
def sweep(_request: Request) -> Response:
    return json_response({"woken": steps.sweep()()})
