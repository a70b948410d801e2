"""Runway's API, as its SDK and plain HTTP use it: tasks, credits, outputs.

Sources: types of runwayml 5.24.0; docs.dev.runwayml.com, /assets/inputs, /errors/errors
and /errors/task-failures. The 400 for a lack of credits is as seen in public code.
"""

import secrets
from collections.abc import Iterable, Sequence
from decimal import Decimal

from werkzeug import Request, Response

from local.fault_kinds import Kind, Place, ProviderId
from local.faults import Fault
from local.http_server import as_json
from local.simulators.runway_orders import (
    USD_PER_CREDIT,
    InvalidOrderError,
    issue_at,
    order_of,
    provider_of,
)
from local.simulators.server import SimulatorServer, View
from local.simulators.vendor_backend import Generation, Pace, Phase, VendorBackend

API_VERSION = "2024-11-06"
_OUTPUTS = "/outputs/"
_DOCUMENTATION = "https://docs.dev.runwayml.com/api"

_ERRORS = {
    Kind.BAD_REQUEST: (400, "Validation of body failed"),
    Kind.OUT_OF_CREDITS: (400, "You do not have enough credits to run this task."),
    Kind.REFUSED: (400, "Your request was rejected by our content moderation."),
    Kind.UNAUTHENTICATED: (401, "You did not provide a valid API key."),
    Kind.PAYMENT_REQUIRED: (402, "Payment required."),
    Kind.FORBIDDEN: (403, "You do not have access to this resource."),
    Kind.NOT_FOUND: (404, "The requested resource was not found."),
    Kind.REQUEST_TIMEOUT: (408, "The request timed out."),
    Kind.CONFLICT: (409, "The request conflicts with another one."),
    Kind.TOO_MANY_REQUESTS: (429, "You have reached your daily limit."),
    Kind.SERVER_ERROR: (500, "Internal server error."),
    Kind.BAD_GATEWAY: (502, "The service is shedding load. Please try again later."),
    Kind.UNAVAILABLE: (503, "The service is shedding load. Please try again later."),
    Kind.GATEWAY_TIMEOUT: (504, "The service is overloaded. Please try again later."),
}
_UNEXPECTED = "An unexpected error occurred."
_FAILURES = {
    Kind.INTERNAL: _UNEXPECTED,
    Kind.NULL_CODE: _UNEXPECTED,
    Kind.BAD_OUTPUT: _UNEXPECTED,
    Kind.SAFETY_INPUT_TEXT: "Content moderation: the text was refused.",
    Kind.SAFETY_INPUT_IMAGE: "Content moderation: the image was refused.",
    Kind.SAFETY_PREPROCESSING: "Content moderation: the text was refused.",
    Kind.PREPROCESSING_INTERNAL: _UNEXPECTED,
    Kind.SAFETY_OUTPUT_VIDEO: "Content moderation: the output was refused.",
    Kind.THIRD_PARTY: "The model is currently unavailable.",
    Kind.ASSET_INVALID: "The asset is invalid.",
}


class Runway:
    """The API's views. Which provider calls is read from the User-Agent."""

    def __init__(self, backend: VendorBackend) -> None:
        self._backend = backend

    @property
    def routes(self) -> Sequence[tuple[str, str, Place, View]]:
        task = r"/v1/tasks/([^/]+)"
        return (
            ("POST", "/v1/image_to_video", Place.START, self._start),
            ("POST", "/v1/text_to_video", Place.START, self._start),
            ("GET", task, Place.POLL, self._poll),
            ("DELETE", task, Place.CANCEL, self._cancel),
            ("GET", r"/outputs/([^/]+)/0\.mp4", Place.FETCH, self._output),
        )

    def provider(self, request: Request) -> ProviderId:
        is_output = request.path.startswith(_OUTPUTS)
        task = is_output and self._backend.find(request.path.split("/")[2])
        return task.order.provider if task else provider_of(request)

    def refusal(self, request: Request) -> Response | None:
        """Refuses a request without a key, and one without the right API version."""
        if request.path.startswith(_OUTPUTS):
            return None
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key.strip():
            return _error(Kind.UNAUTHENTICATED)
        if request.headers.get("x-runway-version") != API_VERSION:
            return _invalid([issue_at("X-Runway-Version", f"Expected {API_VERSION}")])
        return None

    def error(self, kind: Kind) -> Response:
        return _error(kind)

    def _start(self, request: Request, _: Fault | None) -> Response:
        try:
            order = order_of(request)
        except InvalidOrderError as error:
            return _invalid(error.issues)
        order = self._backend.accept(order).order
        estimate = {"estimatedCost": {"credits": _credits(order.cost_usd)}}
        return as_json({"id": order.task_id, **estimate})

    def _poll(self, request: Request, task_id: str, _: Fault | None) -> Response:
        found = self._backend.poll(task_id)
        if found is None:
            return _error(Kind.NOT_FOUND)
        created = found.created_at.isoformat(timespec="milliseconds")
        head = {"id": found.order.task_id, "createdAt": created.replace("+00:00", "Z")}
        state = self._end(found, request) if found.is_final else self._state(found)
        return as_json(head | state)

    def _state(self, task: Generation) -> dict[str, object]:
        state: dict[str, object] = {
            "status": task.phase.upper(),
            "estimatedCost": {"credits": _credits(task.order.cost_usd)},
        }
        if task.fate is Kind.UNKNOWN_STATUS:
            return state | {"status": "MIGRATING"}
        if task.phase is Phase.RUNNING:
            state["progress"] = task.progress(self._backend.pace.seconds)
        return state

    def _end(self, task: Generation, request: Request) -> dict[str, object]:
        fate = task.fate
        end: dict[str, object] = {
            "status": "CANCELLED",
            "cost": {"credits": _credits(task.charged_usd)},
        }
        if task.has_video:
            output = [self._url(task, request)] if task.shows_video() else []
            return end | {"status": "SUCCEEDED", "output": output}
        if fate not in _FAILURES and not task.problem:
            return end
        failure: dict[str, object] = {"failure": _FAILURES.get(fate, _UNEXPECTED)}  # type: ignore[arg-type]
        if fate in _FAILURES and fate is not Kind.NULL_CODE:
            failure["failureCode"] = fate
        return end | {"status": "FAILED"} | failure

    def _url(self, task: Generation, request: Request) -> str:
        """A new URL at each poll."""
        token, task_id = secrets.token_urlsafe(24), task.order.task_id
        return f"{request.host_url}outputs/{task_id}/0.mp4?_jwt={token}"

    def _cancel(self, _: Request, task_id: str, __: Fault | None) -> Response:
        task = self._backend.forget(task_id)
        if task is None:
            return _error(Kind.NOT_FOUND)
        task.stop()
        return Response(status=204)

    def _output(self, request: Request, task_id: str, fault: Fault | None) -> Response:
        task = self._backend.find(task_id)
        if task is None or task.end_reported:
            return _error(Kind.NOT_FOUND)
        return self._backend.file(task, fault, request)


def _credits(usd: Decimal) -> int:
    return round(usd / USD_PER_CREDIT)


def _error(kind: Kind) -> Response:
    """The HTTP error for `kind`; a 500 for a kind that Runway doesn't have."""
    status, text = _ERRORS.get(kind, _ERRORS[Kind.SERVER_ERROR])
    body: dict[str, object] = {"error": text, "docUrl": _DOCUMENTATION}
    if kind is Kind.BAD_REQUEST:
        body["issues"] = [issue_at("body", "Invalid")]
    response = as_json(body, status=status)
    if kind is Kind.TOO_MANY_REQUESTS:
        response.headers["Retry-After"] = "5"
    return response


def _invalid(issues: list[dict[str, object]]) -> Response:
    body = {"error": "Validation of body failed", "issues": issues}
    return as_json(body | {"docUrl": _DOCUMENTATION}, status=400)


def runway_simulator(
    pace: Pace, *, faults: Iterable[Fault] = (), port: int = 0
) -> SimulatorServer:
    return SimulatorServer(lambda backend: [Runway(backend)], pace, faults, port)
