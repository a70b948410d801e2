"""Interprets a Veo operation: running, a video, filtered, or an error.

Sources: captures of google-genai 3.6.1 and the codes of google.rpc, 2026-11-22.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from google.genai import types

from shared.domain.errors import BadContent, ErrorCode, Problem, Unreachable
from shared.domain.outcomes import Accepted, Failed, Poll, Succeeded, Unknown, Working
from shared.ports.providers import BucketFile, InlineFile
from shared.providers.google_errors import (
    is_provisioning,
    refusal_of_request,
    says_model_gone,
)
from shared.providers.redaction import redact
from shared.providers.safety_refusals import safety_refusal, says_free

_ZERO_USD = Decimal(0)
_FAILED_PRECONDITION = 9

# By the google.rpc.Code of an operation that ended in an error.
_CODES: Mapping[int, ErrorCode] = {
    3: ErrorCode.INPUT_NOT_ACCEPTED,
    7: ErrorCode.ACCESS_DENIED,
    8: ErrorCode.RATE_LIMITED,
    14: ErrorCode.PROVIDER_UNAVAILABLE,
    16: ErrorCode.ACCESS_DENIED,
}
# Refused before anything was generated. Other errors may occur during a generation.
_FREE_CODES = frozenset({3, 7, 8, 16})

# A host name is made of the location, so it must be the name of one: us-central1, eu.
_NAME = re.compile(
    r"projects/[^/]+/locations/(global|us|eu|[a-z]+-[a-z]+[0-9]{1,2})"
    r"/publishers/google/models/[^/]+/operations/[^/]+"
)


def location_of(name: str) -> str | None:
    """The location in the name of an operation; None if the name has another form."""
    found = _NAME.fullmatch(name)
    return found and found[1]


def accepted(operation: types.GenerateVideosOperation) -> Accepted | Unknown:
    """The outcome of a paid POST that was answered with 200; Unknown without a name."""
    if operation.name:
        return Accepted(task_id=operation.name)
    return Unknown(detail="200 without the name of an operation")


def read(operation: types.GenerateVideosOperation) -> Poll:
    """The outcome of a poll. `done` only means that the operation has ended: one that
    was filtered is done, too, without an error. A video counts whatever is beside it.
    """
    video = _video(operation)
    if operation.done and video:
        return Succeeded(gs_uri=video.uri or None)
    if operation.error:
        return _failed(operation.error)
    return _without_video(operation.response) if operation.done else Working()


def _failed(error: Mapping[str, object]) -> Failed:
    number, message = error.get("code"), str(error.get("message") or "")
    detail = redact(f"code {number}: {message}")
    if number == _FAILED_PRECONDITION and is_provisioning(message):
        return Failed(
            problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=detail),
            cost_usd=_ZERO_USD,
            ask_again=True,
        )
    refusal = refusal_of_request(message)
    # A safety refusal counts as charged unless its message says that it is free.
    is_free = says_free(message) or (not refusal and number in _FREE_CODES)
    return Failed(
        problem=Problem(code=refusal or _code(number, message), detail=detail),
        cost_usd=_ZERO_USD if is_free else None,
    )


def _code(number: object, message: str) -> ErrorCode:
    if says_model_gone(message):
        return ErrorCode.MODEL_UNAVAILABLE
    known = _CODES.get(number) if isinstance(number, int) else None
    return known or ErrorCode.PROVIDER_ERROR


def _without_video(response: types.GenerateVideosResponse | None) -> Failed:
    reasons = response.rai_media_filtered_reasons if response else None
    count = response.rai_media_filtered_count if response else None
    if reasons or count:
        message = "; ".join(reasons or ["filtered without a reason"])
        return Failed(
            problem=Problem(
                code=safety_refusal(message) or ErrorCode.OUTPUT_FILTERED,
                detail=redact(message),
            ),
            cost_usd=_ZERO_USD if says_free(message) else None,
        )
    # Not BAD_OUTPUT, because there is no output.
    nothing = Problem(code=ErrorCode.PROVIDER_ERROR, detail="done without a video")
    return Failed(problem=nothing, may_come_yet=True)


def _video(operation: types.GenerateVideosOperation) -> types.Video | None:
    made = operation.response.generated_videos if operation.response else None
    videos = (each.video for each in made or [])
    return next((v for v in videos if v and (v.uri or v.video_bytes)), None)


def result(operation: types.GenerateVideosOperation) -> BucketFile | InlineFile:
    """The video; Unreachable before the operation has ended, BadContent if it ended
    without one.
    """
    video = _video(operation)
    if video and video.uri:
        return BucketFile(gs_uri=video.uri)
    if video and video.video_bytes:
        return InlineFile(content=video.video_bytes)
    if operation.done:
        raise BadContent("the operation ended without a video")
    raise Unreachable("the operation has no result yet")
