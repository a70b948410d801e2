"""Names of all the ways in which a simulated provider or the storage server can fail.

For a provider, in FAULTS:

`400` … `504` are the vendor's own JSON errors: nothing is started or billed.
`502-html` … come from a proxy that never reached the vendor: not billed either.

`proxy-408`, `-409`, `-425`, `-499`, `-502`, `-503`, `-504` (text) and `proxy-408-html`,
… (HTML): the vendor accepted the job and bills it, but a proxy answers instead. At a
cancel, the vendor cancelled. `no-id`, `read-timeout`, `drop-after` and `late` are also
billed. `silent`: the server accepts the request, ignores it, and never answers.

`half-film`: the first half of the file's bytes, as a complete HTTP answer.
`wrong-duration`: a good file, half as long. `wrong-aspect`: a good file, turned by 90°.

How a task ends: `deleted`: the vendor's 404 at every poll. `deleted-later`: one poll
reports success, then it is a 404 and its file is gone. `late-output`: it succeeded, but
two polls show no video yet. `double-price`: Runway announces, and charges, twice the
list price. The rest are the vendors' own codes.

At `translate`: `essay`, `broken-json`, `blocked` (for safety), `empty` and `truncated`
are what the model answers, and bills, instead of a translation.

At the storage server: an HTTP status; `cut`: half of the bytes pass, or nothing is
done; `cut-after`: it is done, and the response is lost.
"""

from collections.abc import Mapping
from enum import StrEnum

from shared.domain.catalogue import ProviderId as ProviderId


class Place(StrEnum):
    """What fails. TASK: the request is accepted, and its task ends like that.
    TRANSLATE: the prompt's translation by Veo's vendor: `gemini-veo-3.1:essay`.

    From UPLOAD on: the storage server's operations. UPLOAD is every request with bytes
    of an object, START_UPLOAD opens a resumable session.
    """

    START = "start"
    POLL = "poll"
    FETCH = "fetch"
    CANCEL = "cancel"
    TASK = "task"
    TRANSLATE = "translate"

    UPLOAD = "upload"
    START_UPLOAD = "start_upload"
    DOWNLOAD = "download"
    COPY = "copy"
    GET = "get"
    LIST = "list"
    DELETE = "delete"


class Kind(StrEnum):
    """How it fails."""

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

    PROXY_408 = "proxy-408"
    PROXY_409 = "proxy-409"
    PROXY_425 = "proxy-425"
    PROXY_499 = "proxy-499"
    PROXY_502 = "proxy-502"
    PROXY_503 = "proxy-503"
    PROXY_504 = "proxy-504"
    PROXY_408_HTML = "proxy-408-html"
    PROXY_409_HTML = "proxy-409-html"
    PROXY_425_HTML = "proxy-425-html"
    PROXY_499_HTML = "proxy-499-html"
    PROXY_502_HTML = "proxy-502-html"
    PROXY_503_HTML = "proxy-503-html"
    PROXY_504_HTML = "proxy-504-html"

    CUT = "cut"
    CUT_AFTER = "cut-after"

    HTML = "html"
    SILENT = "silent"
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
    HALF_FILM = "half-film"
    WRONG_DURATION = "wrong-duration"
    WRONG_ASPECT = "wrong-aspect"

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

    ESSAY = "essay"
    BROKEN_JSON = "broken-json"
    BLOCKED = "blocked"

    FAILED = "failed"
    FAILED_SAFETY = "failed-safety"
    INCOMPLETE = "incomplete"
    NO_OUTPUT = "no-output"
    REQUIRES_ACTION = "requires-action"
    BUDGET_EXCEEDED = "budget-exceeded"

    DELETED = "deleted"
    DELETED_LATER = "deleted-later"
    LATE_OUTPUT = "late-output"
    DOUBLE_PRICE = "double-price"
    CANCELLED = "cancelled"
    UNKNOWN_STATUS = "unknown-status"
    THROTTLED = "throttled"
    RUNNING = "running"


def _kinds(values: str) -> frozenset[Kind]:
    return frozenset(Kind(value) for value in values.split())


STORAGE_PLACES = tuple(Place)[list(Place).index(Place.UPLOAD) :]

PROXY = frozenset(kind for kind in Kind if kind.startswith("proxy-"))
# Billed, although the response, if there is one, doesn't say so.
BILLED = PROXY | _kinds("no-id read-timeout drop-after late")
# Tasks that end without a video but are charged all the same.
CHARGED = _kinds(
    "SAFETY.INPUT.TEXT SAFETY.INPUT.IMAGE INPUT_PREPROCESSING.SAFETY.TEXT "
    "SAFETY.OUTPUT.VIDEO"
)
# Good files that are not what was ordered.
RENDERED = _kinds("wrong-duration wrong-aspect")
# The task succeeds for the vendor, which makes a video and charges for it.
DELIVERS = _kinds("unknown-status deleted-later late-output double-price")

# What the translating model may answer, and bills, instead of a translation.
BAD_TRANSLATIONS = _kinds("essay broken-json blocked empty truncated")

_HTTP = frozenset(kind for kind in Kind if kind[:3].isdigit())
_STORAGE = {kind for kind in _HTTP if kind.isdigit()} | _kinds("cut cut-after")
_REQUEST = _HTTP | _kinds("html silent read-timeout drop-before drop-after late")
_DOWNLOAD = RENDERED | _kinds("truncated empty stalled wrong-length garbage half-film")
_RUNWAY_TASK = _kinds(
    "INTERNAL null-code INTERNAL.BAD_OUTPUT.CODE01 SAFETY.INPUT.TEXT "
    "SAFETY.INPUT.IMAGE INPUT_PREPROCESSING.SAFETY.TEXT "
    "INPUT_PREPROCESSING.INTERNAL SAFETY.OUTPUT.VIDEO THIRD_PARTY.UNAVAILABLE "
    "ASSET.INVALID deleted deleted-later late-output double-price cancelled "
    "unknown-status throttled running"
)
_TASK: Mapping[ProviderId, frozenset[Kind]] = {
    ProviderId.RUNWAY: _RUNWAY_TASK,
    ProviderId.RUNWAY_HTTP: _RUNWAY_TASK,
    ProviderId.VEO: _kinds(
        "error-3 error-9 error-13 filtered empty deleted deleted-later late-output "
        "running"
    ),
    ProviderId.OMNI: _kinds(
        "failed failed-safety incomplete no-output requires-action budget-exceeded "
        "deleted deleted-later late-output cancelled unknown-status running"
    ),
}


def kinds_of(provider: ProviderId | None, place: Place) -> frozenset[Kind]:
    """The kinds that are possible there. `provider` None: the storage server."""
    if provider is None:
        return frozenset(_STORAGE) if place in STORAGE_PLACES else frozenset()
    match place:
        case Place.START:
            return _REQUEST | PROXY | {Kind.NO_ID}
        case Place.FETCH:
            return _REQUEST | _DOWNLOAD
        case Place.TASK:
            return _TASK[provider]
        case Place.POLL:
            return _REQUEST
        case Place.CANCEL:
            return _REQUEST | PROXY
        case Place.TRANSLATE if provider is ProviderId.VEO:
            return _REQUEST | PROXY | BAD_TRANSLATIONS
        case _:
            return frozenset()
