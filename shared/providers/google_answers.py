"""What Google's refusals mean, from Veo and Omni alike.

Sources: the statuses of google-genai 3.4.0; the page "responsible AI" of Veo on the
Agent Platform (wording, support codes), read on 2026-11-22.
"""

import re
from collections.abc import Mapping

from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Rejected, Unknown
from shared.providers.redaction import (
    redact,
    retry_after_seconds,
)

# A new project's first call waits for Google to make its service agents.
PROVISIONING_SECONDS = 90.0

_CODES: Mapping[int, ErrorCode] = {
    400: ErrorCode.INPUT_NOT_ACCEPTED,
    401: ErrorCode.ACCESS_DENIED,
    402: ErrorCode.OUT_OF_CREDITS,
    403: ErrorCode.ACCESS_DENIED,
    404: ErrorCode.MODEL_UNAVAILABLE,
    413: ErrorCode.INPUT_NOT_ACCEPTED,
    422: ErrorCode.INPUT_NOT_ACCEPTED,
    429: ErrorCode.RATE_LIMITED,
    503: ErrorCode.PROVIDER_UNAVAILABLE,
}
_IMAGE = re.compile(
    r"(?i)(input|provided|uploaded|reference|source) image"
    r"|\bimage (may |might )?(violat|was (refused|rejected|blocked))"
)
_PROMPT = re.compile(
    r"(?i)prompt (couldn't|could not|can't|cannot) be submitted"
    r"|violates? our policies"
    r"|\b(input|your|this|the) (text )?prompt (may |might )?(violat|contains|was block)"
)
_SAFETY = re.compile(
    r"(?i)support codes?\b|usage guidelines|responsible ai|\bsafety\b"
    r"|prohibited.?content|blocked by"
)
_KEY = re.compile(r"(?i)api.?key (not valid|expired)|API_KEY_INVALID")
_PLACE = re.compile(r"(?i)location is not supported")
_MONEY = re.compile(r"(?i)\bbilling\b|credits are depleted")
_MODEL_GONE = re.compile(
    r"(?i)\bmodels?\b.*(no longer available|not found|retired|is not supported)"
)
_PROVISIONING = re.compile(r"(?i)provisioned")


def plain(text: str) -> str:
    """With straight apostrophes, as the patterns above have them."""
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def refused_input(text: str) -> ErrorCode | None:
    """Whether these words say that the image or the prompt was refused."""
    if _IMAGE.search(plain(text)):
        return ErrorCode.IMAGE_REFUSED
    if _PROMPT.search(plain(text)):
        return ErrorCode.PROMPT_REFUSED
    return None


def refused_call(text: str) -> ErrorCode | None:
    """As above for an error in place of a generation: then safety means the input."""
    safety = ErrorCode.PROMPT_REFUSED if _SAFETY.search(text) else None
    return refused_input(text) or safety


def is_provisioning(text: str) -> bool:
    return bool(_PROVISIONING.search(text))


def names_lost_model(text: str) -> bool:
    return bool(_MODEL_GONE.search(text))


def refused(
    status: int, body: object, headers: Mapping[str, str], *secrets: str
) -> Rejected | Unknown:
    """What an answer to the paid POST means that is not 200. `body`: JSON, or text."""
    words = redact(_words(body), *secrets)
    if not (400 <= status < 500 or status == 503):
        return Unknown(detail=redact(f"HTTP {status}: {words}"))
    wait_seconds = retry_after_seconds(headers)
    if status == 400 and is_provisioning(words):
        return Rejected(
            problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=words),
            retry_after_seconds=wait_seconds or PROVISIONING_SECONDS,
            ask_again=True,
        )
    return Rejected(
        problem=Problem(code=_code(status, words), detail=words or f"HTTP {status}"),
        retry_after_seconds=wait_seconds,
    )


def _code(status: int, words: str) -> ErrorCode:
    by_status = _CODES.get(status, ErrorCode.PROVIDER_ERROR)
    if status == 429 and _MONEY.search(words):
        return ErrorCode.OUT_OF_CREDITS
    return _code_of_400(words) if status == 400 else by_status


def _code_of_400(words: str) -> ErrorCode:
    refusal = refused_call(words)
    if refusal:
        return refusal
    if _KEY.search(words) or _PLACE.search(words):
        return ErrorCode.ACCESS_DENIED
    if _MONEY.search(words):
        return ErrorCode.OUT_OF_CREDITS
    if names_lost_model(words):
        return ErrorCode.MODEL_UNAVAILABLE
    return ErrorCode.INPUT_NOT_ACCEPTED


def _words(body: object) -> str:
    """`error.status` and `error.message` of Google's JSON; else the body as it is."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return str(body or "")
    return f"{error.get('status') or ''} {error.get('message') or ''}"
