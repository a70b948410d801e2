"""Knows how Runway words its errors and the ends of its tasks.

Sources: docs.dev.runwayml.com/errors/errors and /errors/task-failures; the 400 for lack
of credits is as seen in public code.
"""

from local.simulators.fault_kinds import Kind
from local.simulators.messages import Reply, json_reply

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
_WITH_DOCUMENTATION = (Kind.BAD_REQUEST, Kind.OUT_OF_CREDITS, Kind.REFUSED)

FAILURES = {
    Kind.INTERNAL: "An unexpected error occurred.",
    Kind.NULL_CODE: "An unexpected error occurred.",
    Kind.BAD_OUTPUT: "An unexpected error occurred.",
    Kind.SAFETY_INPUT_TEXT: "Content moderation: the text was refused.",
    Kind.SAFETY_INPUT_IMAGE: "Content moderation: the image was refused.",
    Kind.SAFETY_PREPROCESSING: "Content moderation: the text was refused.",
    Kind.PREPROCESSING_INTERNAL: "An unexpected error occurred.",
    Kind.SAFETY_OUTPUT_VIDEO: "Content moderation: the output was refused.",
    Kind.THIRD_PARTY: "The model is currently unavailable.",
    Kind.ASSET_INVALID: "The asset is invalid.",
}
_CHARGED = (
    Kind.SAFETY_INPUT_TEXT,
    Kind.SAFETY_INPUT_IMAGE,
    Kind.SAFETY_PREPROCESSING,
    Kind.SAFETY_OUTPUT_VIDEO,
    Kind.DELETED,
)


def error_reply(kind: Kind) -> Reply:
    """The HTTP error of that kind; a kind Runway doesn't have becomes a 500."""
    status, text = _ERRORS.get(kind, _ERRORS[Kind.SERVER_ERROR])
    body: dict[str, object] = {"error": text}
    if kind is Kind.BAD_REQUEST:
        body["issues"] = [{"code": "custom", "path": ["body"], "message": "Invalid"}]
    if kind in _WITH_DOCUMENTATION:
        body["docUrl"] = _DOCUMENTATION
    if kind is Kind.TOO_MANY_REQUESTS:
        return json_reply(status, body, retry_after="5")
    return json_reply(status, body)


def validation_reply(issues: list[dict[str, object]]) -> Reply:
    body = {"error": "Validation of body failed", "issues": issues}
    return json_reply(400, body | {"docUrl": _DOCUMENTATION})


def failure_of(fate: Kind | None) -> dict[str, object]:
    """`failure` and, where the code isn't null, `failureCode`."""
    if fate is None or fate is Kind.NULL_CODE:
        return {"failure": FAILURES[Kind.NULL_CODE]}
    return {"failure": FAILURES[fate], "failureCode": fate.value}


def is_charged(fate: Kind | None) -> bool:
    """Moderated and deleted tasks are charged; Runway's own failures are refunded."""
    return fate in _CHARGED
