"""What an Omni interaction means: running, a video, filtered, or a fault.

Sources: the types and captures of google-genai 3.6.1, 2026-11-22.
"""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal

import structlog
from google.genai.interactions import Interaction, VideoContent

from shared.domain.errors import BadContent, ErrorCode, Problem
from shared.domain.outcomes import Failed, Poll, Succeeded, Working
from shared.providers.redaction import redact
from shared.providers.safety_words import refused, says_free

# Ends without a video. `completed` and `failed` are looked into.
_ENDS: Mapping[str, ErrorCode] = {
    "cancelled": ErrorCode.PROVIDER_ERROR,
    "requires_action": ErrorCode.PROVIDER_ERROR,
    "budget_exceeded": ErrorCode.PROVIDER_ERROR,
    # What is there is cut short, and going on would be another paid POST.
    "incomplete": ErrorCode.BAD_OUTPUT,
    "requires_continuation": ErrorCode.BAD_OUTPUT,
}
# The codes by which Interactions say that safety was the reason.
_SAFETY = re.compile(r"(?i)safety|prohibited|blocklist|content_blocked|moderat|policy")
# Google documents no list of codes here. The first that occurs counts.
_FAILURES: tuple[tuple[str, ErrorCode], ...] = (
    ("RESOURCE_EXHAUSTED", ErrorCode.RATE_LIMITED),
    ("UNAVAILABLE", ErrorCode.PROVIDER_UNAVAILABLE),
    ("INVALID_ARGUMENT", ErrorCode.INPUT_NOT_ACCEPTED),
    ("PERMISSION_DENIED", ErrorCode.ACCESS_DENIED),
    ("UNAUTHENTICATED", ErrorCode.ACCESS_DENIED),
)


def read(interaction: Interaction) -> Poll:
    """`completed` is a success only with a video in it."""
    status = str(interaction.status)
    match status:
        case "queued":
            return Working(queued=True)
        case "in_progress":
            return Working()
        case "completed":
            return _completed(interaction.output_video)
        case "failed":
            return _failed(interaction)
        case _ if status in _ENDS:
            return Failed(problem=Problem(code=_ENDS[status], detail=status))
        case _:
            log = structlog.get_logger()
            log.warning("task_status_unknown", vendor="gemini-api", status=status[:50])
            return Working()


def _completed(video: VideoContent | None) -> Succeeded | Failed:
    if video and (video.uri or video.data):
        is_ours = (video.uri or "").startswith("gs://")
        return Succeeded(gs_uri=video.uri if is_ours else None)
    filtered = Problem(code=ErrorCode.OUTPUT_FILTERED, detail="completed, no video")
    return Failed(problem=filtered)


def _failed(interaction: Interaction) -> Failed:
    faults = interaction.errors or []
    codes = " ".join(fault.code or "" for fault in faults).strip()
    words = "; ".join(fault.message or "" for fault in faults).strip()
    return Failed(
        problem=Problem(
            code=_code(codes, words), detail=redact(f"{codes}: {words}") or "failed"
        ),
        cost_usd=Decimal(0) if says_free(words) else None,
    )


def _code(codes: str, words: str) -> ErrorCode:
    """A bare SAFETY counts as refused input: asking others would cost the account."""
    if refusal := refused(words):
        return refusal
    if _SAFETY.search(codes):
        thing = refused(f"Blocked: {words}")
        return thing or ErrorCode.PROMPT_REFUSED
    found = (code for name, code in _FAILURES if name in codes.upper())
    return next(found, ErrorCode.PROVIDER_ERROR)


def decoded(data: str | None) -> bytes:
    """A video inside an answer. BadContent if it is not base64."""
    try:
        return base64.b64decode(data or "", validate=True)
    except ValueError as error:
        raise BadContent("the result is not base64") from error
