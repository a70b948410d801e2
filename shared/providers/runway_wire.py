"""What Runway is told and what it answers, the same for its SDK and plain HTTP.

Sources: docs.dev.runwayml.com (errors/errors, errors/task-failures) and the types of
runwayml 5.24.0, both read on 2026-11-22.
"""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlsplit

import structlog

from shared.domain.catalogue import AspectRatio
from shared.domain.errors import BadContent, ErrorCode, Problem, Unreachable
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Poll,
    PollFailed,
    Rejected,
    Succeeded,
    Unknown,
    Working,
)
from shared.ports.providers import (
    GenerationRequest,
    WebFile,
)
from shared.providers.redaction import (
    redact,
    retry_after_seconds,
)

BASE_URL = "https://api.dev.runwayml.com"
VERSION = "2024-11-06"
CANCELLED_STATUSES = (200, 204, 404)

_RATIOS: Mapping[AspectRatio, str] = {
    AspectRatio.LANDSCAPE: "1280:720",
    AspectRatio.PORTRAIT: "720:1280",
}
_USD_PER_CREDIT = Decimal("0.01")

_CODES: Mapping[int, ErrorCode] = {
    400: ErrorCode.INPUT_NOT_ACCEPTED,
    401: ErrorCode.ACCESS_DENIED,
    402: ErrorCode.OUT_OF_CREDITS,
    403: ErrorCode.ACCESS_DENIED,
    404: ErrorCode.MODEL_UNAVAILABLE,
    413: ErrorCode.INPUT_NOT_ACCEPTED,
    415: ErrorCode.INPUT_NOT_ACCEPTED,
    422: ErrorCode.INPUT_NOT_ACCEPTED,
    429: ErrorCode.RATE_LIMITED,
    502: ErrorCode.PROVIDER_UNAVAILABLE,
    503: ErrorCode.PROVIDER_UNAVAILABLE,
    504: ErrorCode.PROVIDER_UNAVAILABLE,
}
_CREDITS = re.compile(r"(?i)\bcredits?\b")
_MODEL_GONE = re.compile(r"(?i)\bmodel\b.*\b(not available|no longer|not found)")
_SAFETY = re.compile(r"(?i)safety|moderat|content polic|usage polic")

# The first line whose beginning fits. Refused input is charged and counted against
# the account, so what only says "SAFETY" is taken for refused input.
_FAILURES: tuple[tuple[str, ErrorCode], ...] = (
    ("SAFETY.OUTPUT", ErrorCode.OUTPUT_FILTERED),
    ("SAFETY.INPUT.IMAGE", ErrorCode.IMAGE_REFUSED),
    ("SAFETY", ErrorCode.PROMPT_REFUSED),
    ("INPUT_PREPROCESSING.SAFETY.IMAGE", ErrorCode.IMAGE_REFUSED),
    ("INPUT_PREPROCESSING.SAFETY", ErrorCode.PROMPT_REFUSED),
    ("INTERNAL.BAD_OUTPUT", ErrorCode.BAD_OUTPUT),
    ("ASSET.INVALID", ErrorCode.INPUT_NOT_ACCEPTED),
    ("THIRD_PARTY.UNAVAILABLE", ErrorCode.PROVIDER_UNAVAILABLE),
)


def ratio(request: GenerationRequest) -> str:
    return _RATIOS[request.aspect_ratio]


def data_uri(request: GenerationRequest) -> str:
    """The image itself: a signed address would not answer Runway's HEAD."""
    return "data:image/jpeg;base64," + base64.b64encode(request.jpeg).decode()


def accepted(body: object) -> Accepted | Unknown:
    """What a 2xx to the paid POST means; without an id nobody knows."""
    task_id = body.get("id") if isinstance(body, dict) else None
    if isinstance(task_id, str) and task_id:
        return Accepted(task_id=task_id)
    return Unknown(detail="2xx without a task id")


def refused(
    status: int, body: object, headers: Mapping[str, str], *secrets: str
) -> Rejected | Unknown:
    """What any other answer to the paid POST means. `body`: JSON, or raw text."""
    words = redact(_words(body), *secrets)
    if not _is_rejection(status, body):
        return Unknown(detail=redact(f"HTTP {status}: {words}"))
    problem = Problem(code=_code(status, body, words), detail=words or f"HTTP {status}")
    return Rejected(
        problem=problem,
        retry_after_seconds=retry_after_seconds(headers),
    )


def _is_rejection(status: int, body: object) -> bool:
    if 400 <= status < 500 or status == 503:
        return True
    # Load shedding says so in Runway's own JSON; a proxy's page may hide a taken job.
    own_answer = isinstance(body, dict) and "error" in body
    return status in (502, 504) and own_answer


def _words(body: object) -> str:
    if not isinstance(body, dict):
        return str(body or "")
    issues = body.get("issues")
    return f"{body.get('error', '')} {issues or ''}"


def _code(status: int, body: object, words: str) -> ErrorCode:
    if status in (400, 403) and (_MODEL_GONE.search(words) or _names_model(body)):
        return ErrorCode.MODEL_UNAVAILABLE
    if status == 400 and _CREDITS.search(words):
        return ErrorCode.OUT_OF_CREDITS
    if status == 400 and _SAFETY.search(words):
        image = "image" in words.lower()
        return ErrorCode.IMAGE_REFUSED if image else ErrorCode.PROMPT_REFUSED
    return _CODES.get(status, ErrorCode.PROVIDER_ERROR)


def _names_model(body: object) -> bool:
    """A form error about the field `model`: the model's name is not known there."""
    issues = body.get("issues") if isinstance(body, dict) else None
    if not isinstance(issues, list):
        return False
    paths = [issue.get("path") for issue in issues if isinstance(issue, dict)]
    return ["model"] in paths


def read_task(task: object) -> Poll:
    """A task's JSON as an outcome."""
    if not isinstance(task, dict) or not isinstance(task.get("status"), str):
        return PollFailed(detail="the answer is not a task")
    match task["status"]:
        case "SUCCEEDED":
            return _succeeded(task)
        case "FAILED":
            return _failed(task)
        case "CANCELLED":
            return _ended(ErrorCode.PROVIDER_ERROR, "cancelled at Runway", task)
        case "THROTTLED":
            return Working(queued=True)
        case "PENDING":
            return Working()
        case "RUNNING":
            return Working(progress=_progress(task.get("progress")))
        case status:
            # The SDK waits on a status that it does not know; so do we, aloud.
            log = structlog.get_logger()
            log.warning("task_status_unknown", vendor="runway", status=status[:50])
            return Working()


def _succeeded(task: Mapping[str, object]) -> Succeeded | Failed:
    if _output(task) is None:
        return _ended(ErrorCode.BAD_OUTPUT, "succeeded without an output", task)
    return Succeeded(cost_usd=_cost_usd(task))


def _failed(task: Mapping[str, object]) -> Failed:
    failure_code = str(task.get("failureCode") or "")
    fits = (code for start, code in _FAILURES if failure_code.startswith(start))
    words = f"{failure_code or 'no code'}: {task.get('failure') or ''}"
    return _ended(next(fits, ErrorCode.PROVIDER_ERROR), words, task)


def _ended(code: ErrorCode, words: str, task: Mapping[str, object]) -> Failed:
    return Failed(
        problem=Problem(code=code, detail=redact(words)), cost_usd=_cost_usd(task)
    )


def _cost_usd(task: Mapping[str, object]) -> Decimal | None:
    """`cost.credits` of an ended task: what was charged, refunds taken off."""
    cost = task.get("cost")
    credit_count = cost.get("credits") if isinstance(cost, dict) else None
    if isinstance(credit_count, bool) or not isinstance(credit_count, int | float):
        return None
    usd = Decimal(str(credit_count)) * _USD_PER_CREDIT
    return usd if usd.is_finite() and usd >= 0 else None


def _progress(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(max(float(value), 0.0), 1.0)


def _output(task: Mapping[str, object]) -> str | None:
    output = task.get("output")
    first = output[0] if isinstance(output, list) and output else None
    return first if isinstance(first, str) and first else None


def result(task: object, base_url: str) -> WebFile:
    """The file of a fresh GET. Unreachable: not ended; BadContent: ended without."""
    poll = read_task(task)
    if not isinstance(poll, Succeeded | Failed):
        raise Unreachable("the task has no result yet")
    url = _output(task) if isinstance(task, dict) else None
    if isinstance(poll, Failed) or url is None:
        raise BadContent("the task ended without a result")
    own_host = urlsplit(base_url).hostname if base_url != BASE_URL else None
    return WebFile(url=url, trusted_host=own_host)
