"""Interprets an Omni interaction: running, a video, filtered, or an error.

Sources: the types and captures of google-genai 3.6.1, 2026-11-22;
ai.google.dev/gemini-api/docs/api-errors, the codes of Interactions, 2026-12-01.
"""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal

import structlog
from google.genai.interactions import Interaction

from shared.domain.errors import BadContent, ErrorCode, Problem
from shared.domain.outcomes import Failed, Poll, Succeeded, Working
from shared.providers.redaction import redact
from shared.providers.safety_refusals import safety_refusal, says_free

# Final statuses without a video. `completed` and `failed` need a closer look.
_ENDS: Mapping[str, ErrorCode] = {
    "cancelled": ErrorCode.PROVIDER_ERROR,
    "requires_action": ErrorCode.PROVIDER_ERROR,
    "budget_exceeded": ErrorCode.PROVIDER_ERROR,
    # The output is cut short.
    "incomplete": ErrorCode.BAD_OUTPUT,
}
# Codes of Interactions that mean a refusal for safety.
_SAFETY = re.compile(
    r"(?i)safety|prohibited|blocklist|spii|content_blocked|moderat|policy"
)
# As documented, or a status of google.rpc. The first match counts.
_FAILURES: tuple[tuple[str, ErrorCode], ...] = (
    ("RESOURCE_EXHAUSTED", ErrorCode.RATE_LIMITED),
    ("RATE_LIMIT_EXCEEDED", ErrorCode.RATE_LIMITED),
    ("QUOTA_EXCEEDED", ErrorCode.RATE_LIMITED),
    ("TOO_MANY_REQUESTS", ErrorCode.RATE_LIMITED),
    ("UNAVAILABLE", ErrorCode.PROVIDER_UNAVAILABLE),
    ("INVALID_ARGUMENT", ErrorCode.INPUT_NOT_ACCEPTED),
    ("INVALID_REQUEST", ErrorCode.INPUT_NOT_ACCEPTED),
    ("OUT_OF_RANGE", ErrorCode.INPUT_NOT_ACCEPTED),
    ("PARAMETER_UNKNOWN", ErrorCode.INPUT_NOT_ACCEPTED),
    ("PERMISSION_DENIED", ErrorCode.ACCESS_DENIED),
    ("UNAUTHENTICATED", ErrorCode.ACCESS_DENIED),
    ("AUTHENTICATION", ErrorCode.ACCESS_DENIED),
    ("PAYMENT_REQUIRED", ErrorCode.OUT_OF_CREDITS),
    ("MODEL_NOT_FOUND", ErrorCode.MODEL_UNAVAILABLE),
    ("RECITATION", ErrorCode.OUTPUT_FILTERED),
)


def read(interaction: Interaction) -> Poll:
    """The outcome of a poll; `completed` is a success only if there is a video."""
    status = str(interaction.status)
    match status:
        case "queued":
            return Working(queued=True)
        # Google continues what runs in the background (google-genai, `create`).
        case "in_progress" | "requires_continuation":
            return Working()
        case "completed":
            return _completed(interaction)
        case "failed":
            return _failed(interaction)
        case _ if status in _ENDS:
            return Failed(problem=Problem(code=_ENDS[status], detail=status))
        case _:
            log = structlog.get_logger()
            log.warning("task_status_unknown", vendor="gemini-api", status=status[:50])
            return Working()


def _completed(interaction: Interaction) -> Succeeded | Failed:
    """A filtered interaction is completed, too, and may say so only in its text."""
    video = interaction.output_video
    if video and (video.uri or video.data):
        is_ours = (video.uri or "").startswith("gs://")
        return Succeeded(gs_uri=video.uri if is_ours else None)
    filtered = Problem(code=ErrorCode.OUTPUT_FILTERED, detail="completed, no video")
    says_why = interaction.errors or safety_refusal(interaction.output_text or "")
    return Failed(problem=filtered, may_come_yet=not says_why)


def _failed(interaction: Interaction) -> Failed:
    faults = interaction.errors or []
    codes = " ".join(fault.code or "" for fault in faults)
    message = "; ".join(fault.message or "" for fault in faults)
    detail = redact(f"{codes}: {message}")
    return Failed(
        problem=Problem(code=_code(codes, message), detail=detail),
        cost_usd=Decimal(0) if says_free(message) else None,
    )


def _code(codes: str, message: str) -> ErrorCode:
    """A bare SAFETY counts as refused input, since such requests must not be offered to
    other providers: refusals count against the account.
    """
    if refusal := safety_refusal(message):
        return refusal
    if _SAFETY.search(codes):
        return safety_refusal(f"Blocked: {message}") or ErrorCode.PROMPT_REFUSED
    found = (code for name, code in _FAILURES if name in codes.upper())
    return next(found, ErrorCode.PROVIDER_ERROR)


def decoded(data: str | None) -> bytes:
    """A video that was sent inside a response; BadContent if it is not base64."""
    try:
        return base64.b64decode(data or "", validate=True)
    except ValueError as error:
        raise BadContent("the result is not base64") from error
