"""Builds Runway's requests and reads its responses, for both its SDK and plain HTTP.

Sources: docs.dev.runwayml.com (errors/task-failures) and the types of runwayml 5.24.0,
both read on 2026-11-22.
"""

import base64
import math
from collections.abc import Mapping
from decimal import Decimal

import structlog

from shared.domain.catalogue import AspectRatio
from shared.domain.errors import BadContent, ErrorCode, Problem, Unreachable
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Poll,
    PollFailed,
    Submission,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.structs import PartialRepr, replace
from shared.ports.providers import GenerationRequest, ImageFile
from shared.providers.redaction import redact
from shared.providers.rejection import HttpResponse, outcome_of_error
from shared.providers.runway_errors import RUNWAY
from shared.providers.safety_refusals import safety_refusal, says_free

BASE_URL = "https://api.dev.runwayml.com"
VERSION = "2024-11-06"

_RATIOS: Mapping[AspectRatio, str] = {
    AspectRatio.LANDSCAPE: "1280:720",
    AspectRatio.PORTRAIT: "720:1280",
    AspectRatio.SQUARE: "960:960",
    AspectRatio.STANDARD: "1104:832",
    AspectRatio.STANDARD_PORTRAIT: "832:1104",
    AspectRatio.CINEMA: "1584:672",
}
_USD_PER_CREDIT = Decimal("0.01")

# The first row that is a prefix of the failure code counts. Refused input is charged
# and counts against the account, so a mere "SAFETY" is treated as refused input.
_FAILURES: tuple[tuple[str, ErrorCode], ...] = (
    ("SAFETY.OUTPUT", ErrorCode.OUTPUT_FILTERED),
    ("SAFETY.INPUT.IMAGE", ErrorCode.IMAGE_REFUSED),
    ("SAFETY", ErrorCode.PROMPT_REFUSED),
    ("INPUT_PREPROCESSING.SAFETY.IMAGE", ErrorCode.IMAGE_REFUSED),
    ("INPUT_PREPROCESSING.SAFETY", ErrorCode.PROMPT_REFUSED),
    ("INTERNAL.BAD_OUTPUT", ErrorCode.BAD_OUTPUT),
    ("ASSET.INVALID", ErrorCode.INPUT_NOT_ACCEPTED),
    ("THIRD_PARTY.UNAVAILABLE", ErrorCode.PROVIDER_UNAVAILABLE),
    ("THIRD_PARTY.INPUT", ErrorCode.INPUT_NOT_ACCEPTED),
)


class VideoTask(
    PartialRepr, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The body of `POST /v1/image_to_video`, or without `prompt_image` of
    `/v1/text_to_video`. Fields have the API's own names, in snake_case."""

    hidden_fields = ("prompt_image",)

    model: str
    prompt_image: str | None = None
    prompt_text: str
    ratio: str
    duration: int
    seed: int | None = None

    @classmethod
    def of(cls, request: GenerationRequest) -> "VideoTask":
        return cls(
            model=request.model_id,
            prompt_image=_data_uri(request.image) if request.image else None,
            prompt_text=request.prompt,
            ratio=_RATIOS[request.aspect_ratio],
            duration=request.duration_seconds,
            seed=request.seed,
        )


def _data_uri(image: ImageFile) -> str:
    """The image itself, because a signed URL would not answer Runway's HEAD request."""
    return f"data:image/jpeg;base64,{base64.b64encode(image.jpeg).decode()}"


def read_submission(response: HttpResponse, *secrets: str) -> Submission:
    """The outcome of the paid POST, from a response of any status."""
    if 200 <= response.status < 300:
        return _accepted(response.body)
    return outcome_of_error(response, RUNWAY, *secrets)


def _accepted(body: object) -> Accepted | Unknown:
    task = body if isinstance(body, dict) else {}
    task_id = task.get("id")
    if isinstance(task_id, str) and task_id:
        return Accepted(task_id=task_id, max_cost_usd=_usd(task.get("estimatedCost")))
    return Unknown(detail="2xx without a task id")


def read_task(task: object) -> Poll:
    """The outcome of a poll, from a task's JSON."""
    if not isinstance(task, dict) or not isinstance(task.get("status"), str):
        return PollFailed(detail="the response is not a task")
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
            # The SDK keeps waiting on a status that it doesn't know, and so do we.
            log = structlog.get_logger()
            log.warning("task_status_unknown", vendor="runway", status=status[:50])
            return Working()


def read_result(task: object) -> str:
    """The result's URL. `task` must be fetched just before, because URLs expire.

    Unreachable: the task has not ended; BadContent: it ended without a result.
    """
    poll = read_task(task)
    if not isinstance(poll, Succeeded | Failed):
        raise Unreachable("the task has no result yet")
    url = _output(task) if isinstance(task, dict) else None
    if isinstance(poll, Failed) or url is None:
        raise BadContent("the task ended without a result")
    return url


def _succeeded(task: Mapping[str, object]) -> Succeeded | Failed:
    if _output(task) is None:
        ended = _ended(ErrorCode.BAD_OUTPUT, "succeeded without an output", task)
        return replace(ended, may_come_yet=True)
    return Succeeded(cost_usd=_usd(task.get("cost")))


def _failed(task: Mapping[str, object]) -> Failed:
    failure_code = str(task.get("failureCode") or "")
    failure = str(task.get("failure") or "")
    fits = (code for start, code in _FAILURES if failure_code.startswith(start))
    code = next(fits, None) or safety_refusal(failure) or ErrorCode.PROVIDER_ERROR
    return _ended(code, f"{failure_code or 'no code'}: {failure}", task)


def _ended(code: ErrorCode, message: str, task: Mapping[str, object]) -> Failed:
    cost_usd = _usd(task.get("cost"))
    if cost_usd is None and says_free(message):
        cost_usd = Decimal(0)
    problem = Problem(code=code, detail=redact(message))
    return Failed(problem=problem, cost_usd=cost_usd)


def _usd(cost: object) -> Decimal | None:
    """`{"credits": …}` in USD. For an ended task, that is the charge minus refunds."""
    credit_count = cost.get("credits") if isinstance(cost, dict) else None
    if isinstance(credit_count, bool) or not isinstance(credit_count, int | float):
        return None
    if not 0 <= credit_count < math.inf:
        return None
    return Decimal(str(credit_count)) * _USD_PER_CREDIT


def _progress(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value != value:  # NaN, which Python's JSON parser accepts
        return None
    return float(min(max(value, 0), 1))


def _output(task: Mapping[str, object]) -> str | None:
    output = task.get("output")
    first = output[0] if isinstance(output, list) and output else None
    return first if isinstance(first, str) and first else None
