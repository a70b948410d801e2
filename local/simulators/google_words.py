"""Knows how Google words its errors, at both of its addresses.

Form: google.rpc.Status as JSON. Refusals and support codes: the responsible-AI page of
Veo; a wrong API key is a 400 with the reason API_KEY_INVALID.
"""

from local.simulators.fault_kinds import Kind
from local.simulators.messages import Reply, json_reply

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
_WRONG_KEY = "API key not valid. Please pass a valid API key."
_ERRORS = {
    Kind.BAD_REQUEST: (
        400,
        "INVALID_ARGUMENT",
        "Request contains an invalid argument.",
    ),
    Kind.OUT_OF_CREDITS: (
        429,
        "RESOURCE_EXHAUSTED",
        "Prepayment credits are depleted.",
    ),
    Kind.REFUSED: (400, "INVALID_ARGUMENT", REFUSED),
    Kind.PROVISIONING: (400, "FAILED_PRECONDITION", PROVISIONING),
    Kind.BAD_KEY: (400, "INVALID_ARGUMENT", _WRONG_KEY),
    Kind.UNAUTHENTICATED: (
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access "
        "token, login cookie or other valid authentication credential.",
    ),
    Kind.PAYMENT_REQUIRED: (402, "FAILED_PRECONDITION", "Billing is not enabled."),
    Kind.FORBIDDEN: (403, "PERMISSION_DENIED", "The caller does not have permission."),
    Kind.NOT_FOUND: (404, "NOT_FOUND", "Requested entity was not found."),
    Kind.REQUEST_TIMEOUT: (408, "DEADLINE_EXCEEDED", "The request timed out."),
    Kind.CONFLICT: (409, "ABORTED", "The operation was aborted."),
    Kind.TOO_MANY_REQUESTS: (
        429,
        "RESOURCE_EXHAUSTED",
        "Resource exhausted. Please try again later.",
    ),
    Kind.SERVER_ERROR: (500, "INTERNAL", INTERNAL),
    Kind.BAD_GATEWAY: (502, "UNAVAILABLE", "Bad gateway."),
    Kind.UNAVAILABLE: (503, "UNAVAILABLE", "The service is currently unavailable."),
    Kind.GATEWAY_TIMEOUT: (504, "DEADLINE_EXCEEDED", "Deadline exceeded."),
}


def error_reply(kind: Kind, message: str | None = None) -> Reply:
    """The HTTP error of that kind, with another text if one is given."""
    status, name, text = _ERRORS.get(kind, _ERRORS[Kind.SERVER_ERROR])
    details = [_key_details()] if kind is Kind.BAD_KEY else []
    error = {
        "code": status,
        "message": message or text,
        "status": name,
        "details": details,
    }
    if kind is Kind.TOO_MANY_REQUESTS:
        return json_reply(status, {"error": error}, retry_after="5")
    return json_reply(status, {"error": error})


def _key_details() -> dict[str, object]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
