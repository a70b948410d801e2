"""What a Veo operation means: running, a video, filtered, or an error.

Sources: captures of google-genai 3.6.1 and the codes of google.rpc, 2026-11-22.
"""

from collections.abc import Mapping
from decimal import Decimal

from google.genai import types

from shared.domain.errors import BadContent, ErrorCode, Problem, Unreachable
from shared.domain.outcomes import Accepted, Failed, Poll, Succeeded, Unknown, Working
from shared.ports.providers import BucketFile, InlineFile
from shared.providers.google_errors import (
    is_provisioning,
    names_lost_model,
    refused_call,
)
from shared.providers.redaction import redact
from shared.providers.safety_words import refused, says_free

_NOTHING = Decimal(0)
_FAILED_PRECONDITION = 9

# google.rpc.Code of an operation that ended in an error.
_CODES: Mapping[int, ErrorCode] = {
    3: ErrorCode.INPUT_NOT_ACCEPTED,
    7: ErrorCode.ACCESS_DENIED,
    8: ErrorCode.RATE_LIMITED,
    13: ErrorCode.PROVIDER_ERROR,
    14: ErrorCode.PROVIDER_UNAVAILABLE,
    16: ErrorCode.ACCESS_DENIED,
}
# Refused before anything was generated. Other errors may come during generation.
_COST_NOTHING = frozenset({3, 7, 8, 16})


def accepted(operation: types.GenerateVideosOperation) -> Accepted | Unknown:
    """What a 200 to the paid POST means; without a name, nothing is known."""
    if operation.name:
        return Accepted(task_id=operation.name)
    return Unknown(detail="200 without the name of an operation")


def read(operation: types.GenerateVideosOperation) -> Poll:
    """`done` only says that it ended: a filtered operation is done, with no error."""
    if operation.error:
        return _failed(operation.error)
    if not operation.done:
        return Working()
    video = _video(operation)
    if video:
        return Succeeded(gs_uri=video.uri or None)
    return _without_video(operation.response)


def _failed(error: Mapping[str, object]) -> Failed:
    number, words = error.get("code"), str(error.get("message") or "")
    detail = redact(f"code {number}: {words}")
    if number == _FAILED_PRECONDITION and is_provisioning(words):
        return Failed(
            problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=detail),
            cost_usd=_NOTHING,
            ask_again=True,
        )
    refusal = refused_call(words)
    # Nothing says that a refusal for safety is free, unless the words themselves do.
    is_free = says_free(words) or (not refusal and number in _COST_NOTHING)
    return Failed(
        problem=Problem(code=refusal or _code(number, words), detail=detail),
        cost_usd=_NOTHING if is_free else None,
    )


def _code(number: object, words: str) -> ErrorCode:
    if names_lost_model(words):
        return ErrorCode.MODEL_UNAVAILABLE
    known = _CODES.get(number) if isinstance(number, int) else None
    return known or ErrorCode.PROVIDER_ERROR


def _without_video(response: types.GenerateVideosResponse | None) -> Failed:
    reasons = response.rai_media_filtered_reasons if response else None
    count = response.rai_media_filtered_count if response else None
    if reasons or count:
        words = "; ".join(reasons or ["filtered without a reason"])
        return Failed(
            problem=Problem(
                code=refused(words) or ErrorCode.OUTPUT_FILTERED, detail=redact(words)
            ),
            cost_usd=_NOTHING if says_free(words) else None,
        )
    # Not `bad_output`, because there is no output.
    nothing = Problem(code=ErrorCode.PROVIDER_ERROR, detail="done without a video")
    return Failed(problem=nothing)


def _video(operation: types.GenerateVideosOperation) -> types.Video | None:
    made = operation.response.generated_videos if operation.response else None
    videos = (each.video for each in made or [])
    return next((v for v in videos if v and (v.uri or v.video_bytes)), None)


def result(operation: types.GenerateVideosOperation) -> BucketFile | InlineFile:
    """The video. Unreachable: it has not ended; BadContent: it ended without one."""
    video = _video(operation)
    if video and video.uri:
        return BucketFile(gs_uri=video.uri)
    if video and video.video_bytes:
        return InlineFile(content=video.video_bytes)
    if operation.done:
        raise BadContent("the operation ended without a video")
    raise Unreachable("the operation has no result yet")
