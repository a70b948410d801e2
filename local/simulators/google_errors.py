"""Google's error responses: google.rpc.Status as JSON, or a code of Interactions.

Source of refusals and support codes: Veo's responsible-AI page. A wrong API key is a
400 with the reason API_KEY_INVALID. Source of the codes: ai.google.dev, api-errors.
"""

from collections.abc import Mapping

from werkzeug import Response

from local.fault_kinds import Kind
from local.http_server import as_json

REFUSED = (
    "The prompt couldn't be submitted. This prompt contains words that it might "
    "violate our policies. Try rephrasing the prompt. Support codes: 58061214"
)
PROVISIONING = (
    "Service agents are being provisioned (https://cloud.google.com/vertex-ai/docs/"
    "general/access-control#service-agents). Service agents are needed to read the "
    "Cloud Storage file provided. So please try again in a few minutes."
)
INTERNAL = "Internal error encountered. Please try again later."
FILTERED = (
    "Veo could not generate videos because the input image violates our usage "
    "guidelines. Support codes: 17301594"
)
_UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, "
    "login cookie or other valid authentication credential."
)
_WRONG_KEY = "API key not valid. Please pass a valid API key."
_EXHAUSTED = "Resource exhausted. Please try again later."
_ERRORS = {
    Kind.BAD_REQUEST: (400, "INVALID_ARGUMENT", "Request has an invalid argument."),
    Kind.OUT_OF_CREDITS: (
        429,
        "RESOURCE_EXHAUSTED",
        "Prepayment credits are depleted.",
    ),
    Kind.REFUSED: (400, "INVALID_ARGUMENT", REFUSED),
    Kind.PROVISIONING: (400, "FAILED_PRECONDITION", PROVISIONING),
    Kind.BAD_KEY: (400, "INVALID_ARGUMENT", _WRONG_KEY),
    Kind.UNAUTHENTICATED: (401, "UNAUTHENTICATED", _UNAUTHENTICATED),
    Kind.PAYMENT_REQUIRED: (402, "FAILED_PRECONDITION", "Billing is not enabled."),
    Kind.FORBIDDEN: (403, "PERMISSION_DENIED", "The caller does not have permission."),
    Kind.NOT_FOUND: (404, "NOT_FOUND", "Requested entity was not found."),
    Kind.REQUEST_TIMEOUT: (408, "DEADLINE_EXCEEDED", "The request timed out."),
    Kind.CONFLICT: (409, "ABORTED", "The operation was aborted."),
    Kind.TOO_MANY_REQUESTS: (429, "RESOURCE_EXHAUSTED", _EXHAUSTED),
    Kind.SERVER_ERROR: (500, "INTERNAL", INTERNAL),
    Kind.BAD_GATEWAY: (502, "UNAVAILABLE", "Bad gateway."),
    Kind.UNAVAILABLE: (503, "UNAVAILABLE", "The service is currently unavailable."),
    Kind.GATEWAY_TIMEOUT: (504, "DEADLINE_EXCEEDED", "Deadline exceeded."),
}
_NO_INTERACTION = "Failed to get completed interaction: Result not found."
# What has none here is answered by Google's front end.
_INTERACTION_CODES = {
    Kind.BAD_REQUEST: "invalid_request",
    Kind.REFUSED: "prohibited_content",
    Kind.UNAUTHENTICATED: "authentication",
    Kind.PAYMENT_REQUIRED: "payment_required",
    Kind.FORBIDDEN: "permission_denied",
    Kind.NOT_FOUND: "not_found",
    Kind.CONFLICT: "aborted",
    Kind.TOO_MANY_REQUESTS: "rate_limit_exceeded",
    Kind.SERVER_ERROR: "api_error",
    Kind.UNAVAILABLE: "service_unavailable",
    Kind.GATEWAY_TIMEOUT: "deadline_exceeded",
}
_KEY_DETAILS = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
    "metadata": {"service": "generativelanguage.googleapis.com"},
}


class RefusedOrderError(ValueError):
    """The order is invalid; the message is that of the 400."""


def error_reply(kind: Kind, message: str | None = None) -> Response:
    """The HTTP error for `kind`, with `message` instead of its usual text if given."""
    status, name, text = _ERRORS.get(kind, _ERRORS[Kind.SERVER_ERROR])
    error = {
        "code": status,
        "message": message or text,
        "status": name,
        "details": [_KEY_DETAILS] if kind is Kind.BAD_KEY else [],
    }
    return _reply(kind, status, error)


def interaction_error(kind: Kind, message: str | None = None) -> Response:
    """The HTTP error of the Interactions API for `kind`."""
    if kind not in _INTERACTION_CODES:
        return error_reply(kind, message)
    status, _, text = _ERRORS[kind]
    text = _NO_INTERACTION if kind is Kind.NOT_FOUND else text
    error = {"code": _INTERACTION_CODES[kind], "message": message or text}
    return _reply(kind, status, error)


def _reply(kind: Kind, status: int, error: Mapping[str, object]) -> Response:
    response = as_json({"error": error}, status=status)
    if kind is Kind.TOO_MANY_REQUESTS:
        response.headers["Retry-After"] = "5"
    return response
