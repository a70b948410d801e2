"""Knows where and how a simulated provider can fail: the names of all of it."""

from collections.abc import Mapping
from enum import StrEnum


class ProviderId(StrEnum):
    """A way to a vendor; the simulators tell the two Runway ones by User-Agent."""

    RUNWAY = "runway"
    RUNWAY_HTTP = "runway-http"
    VEO = "gemini-veo-3.1"
    OMNI = "gemini-omni-flash"


class Place(StrEnum):
    """Where it goes wrong. TASK: the request is accepted, what it started ends so."""

    START = "start"
    POLL = "poll"
    FETCH = "fetch"
    CANCEL = "cancel"
    TASK = "task"


class Kind(StrEnum):
    """What goes wrong."""

    BAD_REQUEST = "400"
    OUT_OF_CREDITS = "400-credits"
    REFUSED = "400-refused"
    PROVISIONING = "400-provisioning"
    BAD_KEY = "400-key"
    UNAUTHENTICATED = "401"
    PAYMENT_REQUIRED = "402"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    REQUEST_TIMEOUT = "408"
    CONFLICT = "409"
    TOO_MANY_REQUESTS = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    BAD_GATEWAY_HTML = "502-html"
    UNAVAILABLE_HTML = "503-html"
    GATEWAY_TIMEOUT_HTML = "504-html"

    HTML = "html"
    NO_ID = "no-id"
    READ_TIMEOUT = "read-timeout"
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    LATE = "late"

    TRUNCATED = "truncated"
    EMPTY = "empty"
    STALLED = "stalled"
    WRONG_LENGTH = "wrong-length"
    GARBAGE = "garbage"
    WRONG_DURATION = "wrong-duration"

    INTERNAL = "INTERNAL"
    NULL_CODE = "null-code"
    BAD_OUTPUT = "INTERNAL.BAD_OUTPUT.CODE01"
    SAFETY_INPUT_TEXT = "SAFETY.INPUT.TEXT"
    SAFETY_INPUT_IMAGE = "SAFETY.INPUT.IMAGE"
    SAFETY_PREPROCESSING = "INPUT_PREPROCESSING.SAFETY.TEXT"
    PREPROCESSING_INTERNAL = "INPUT_PREPROCESSING.INTERNAL"
    SAFETY_OUTPUT_VIDEO = "SAFETY.OUTPUT.VIDEO"
    THIRD_PARTY = "THIRD_PARTY.UNAVAILABLE"
    ASSET_INVALID = "ASSET.INVALID"

    ERROR_REFUSED = "error-3"
    ERROR_PROVISIONING = "error-9"
    ERROR_INTERNAL = "error-13"
    FILTERED = "filtered"

    FAILED = "failed"
    FAILED_SAFETY = "failed-safety"
    INCOMPLETE = "incomplete"
    NO_OUTPUT = "no-output"
    REQUIRES_ACTION = "requires-action"
    BUDGET_EXCEEDED = "budget-exceeded"

    CANCELLED = "cancelled"
    UNKNOWN_STATUS = "unknown-status"
    THROTTLED = "throttled"
    RUNNING = "running"


_HTTP = frozenset(kind for kind in Kind if kind[:3].isdigit())
_REQUEST = _HTTP | {
    Kind.HTML,
    Kind.READ_TIMEOUT,
    Kind.DROP_BEFORE,
    Kind.DROP_AFTER,
    Kind.LATE,
}
_DOWNLOAD = frozenset(
    {
        Kind.TRUNCATED,
        Kind.EMPTY,
        Kind.STALLED,
        Kind.WRONG_LENGTH,
        Kind.GARBAGE,
        Kind.WRONG_DURATION,
    }
)
_RUNWAY_TASK = frozenset(
    {
        Kind.INTERNAL,
        Kind.NULL_CODE,
        Kind.BAD_OUTPUT,
        Kind.SAFETY_INPUT_TEXT,
        Kind.SAFETY_INPUT_IMAGE,
        Kind.SAFETY_PREPROCESSING,
        Kind.PREPROCESSING_INTERNAL,
        Kind.SAFETY_OUTPUT_VIDEO,
        Kind.THIRD_PARTY,
        Kind.ASSET_INVALID,
        Kind.CANCELLED,
        Kind.UNKNOWN_STATUS,
        Kind.THROTTLED,
        Kind.RUNNING,
    }
)
_TASK: Mapping[ProviderId, frozenset[Kind]] = {
    ProviderId.RUNWAY: _RUNWAY_TASK,
    ProviderId.RUNWAY_HTTP: _RUNWAY_TASK,
    ProviderId.VEO: frozenset(
        {
            Kind.ERROR_REFUSED,
            Kind.ERROR_PROVISIONING,
            Kind.ERROR_INTERNAL,
            Kind.FILTERED,
            Kind.EMPTY,
            Kind.RUNNING,
        }
    ),
    ProviderId.OMNI: frozenset(
        {
            Kind.FAILED,
            Kind.FAILED_SAFETY,
            Kind.INCOMPLETE,
            Kind.NO_OUTPUT,
            Kind.REQUIRES_ACTION,
            Kind.BUDGET_EXCEEDED,
            Kind.CANCELLED,
            Kind.UNKNOWN_STATUS,
            Kind.RUNNING,
        }
    ),
}


def kinds_of(provider: ProviderId, place: Place) -> frozenset[Kind]:
    """Which kinds mean something there."""
    match place:
        case Place.START:
            return _REQUEST | {Kind.NO_ID}
        case Place.FETCH:
            return _REQUEST | _DOWNLOAD
        case Place.TASK:
            return _TASK[provider]
        case Place.POLL | Place.CANCEL:
            return _REQUEST
