"""What Google's errors mean, for Veo and Omni alike.

Sources: the statuses of google.rpc and the types of google-genai 3.6.1; the page
"responsible AI" of Veo on the Agent Platform; public logs of the Gemini API, 2026-11.
"""

import re
from collections.abc import Iterator, Mapping

from shared.domain.errors import ErrorCode
from shared.providers.rejection import Meaning, VendorErrors
from shared.providers.safety_words import refused
from shared.retry_after import bounded_wait

# A new project's first call waits for Google to make its service agents.
PROVISIONING_SECONDS = 90.0

# 409, 499, 500 and 504 may come after the job was taken.
_CODES: Mapping[int, ErrorCode] = {
    400: ErrorCode.INPUT_NOT_ACCEPTED,
    401: ErrorCode.ACCESS_DENIED,
    402: ErrorCode.OUT_OF_CREDITS,
    403: ErrorCode.ACCESS_DENIED,
    404: ErrorCode.MODEL_UNAVAILABLE,
    429: ErrorCode.RATE_LIMITED,
    503: ErrorCode.PROVIDER_UNAVAILABLE,
}
# A cap that the owner set: of a project in AI Studio, or a spend-cap budget. What the
# second one says is not published yet, so its 403 is read by the same words.
_CAP = r"\bspend(?:ing)?[ -](?:cap|limit)\b"
_CAPPED = re.compile(f"(?i){_CAP}")
_DEPLETED = re.compile(rf"(?i)\bcredits are depleted\b|\bBILLING_DISABLED\b|{_CAP}")
_RATE = re.compile(r"(?i)\b(requests?|tokens?|videos?) per (second|minute|hour|day)\b")
_NO_BILLING = re.compile(
    r"(?i)\benable billing\b|\bbilling (is|has been|was) (disabled|not enabled)\b"
    r"|\bbilling account\b.{0,60}\b(not open|closed|disabled)\b"
)
_NO_ACCESS = re.compile(
    r"(?i)\bapi.?key (not valid|expired|not found)|\bAPI_KEY_INVALID\b"
    r"|\bapi.?key restrictions?\b|\blocation is not supported\b"
)
# The model itself is the subject: "… for this model is not supported" is about a field.
_MODEL_GONE = re.compile(
    r"(?i)\bmodels?[ /:`'\"]*[\w./-]*[`'\"]* (is|are|was|were|has been|have been)"
    r" (no longer|not found|retired|deprecated|shut ?down|discontinued)"
)
_NOT_FOUND = re.compile(r"(?i)\b(models?|interactions?)\b")
_PROVISIONING = re.compile(r"(?i)\bservice agents? (is|are) being provisioned\b")
_DELAY = re.compile(r"(\d{1,9}(?:\.\d+)?)s")


def is_provisioning(words: str) -> bool:
    return bool(_PROVISIONING.search(words))


def names_lost_model(words: str) -> bool:
    return bool(_MODEL_GONE.search(words))


def own_error(status: int, body: object) -> Mapping[str, object] | None:
    """`error` of Google's own JSON for this status, or None for any other body.

    google.rpc has `code` (the HTTP status), `message` and `status`; Interactions have
    a `code` in words and a `message`. Other APIs use the second form too, so it proves
    nothing about a 5xx, and a 404 must name what Google did not find.
    """
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    code, name = error.get("code"), error.get("status")
    if code == status and isinstance(name, str) and name:
        return error
    if not isinstance(code, str) or not code or status >= 500 or "type" in error:
        return None
    if status in (404, 410) and not _NOT_FOUND.search(error["message"]):
        return None
    return error


def _words(status: int, body: object) -> str | None:
    error = own_error(status, body)
    if error is None:
        return None
    names = (error.get("status"), error.get("code"))
    name = next((n for n in names if isinstance(n, str) and n), "")
    return f"{name}: {error['message']}"


def _meaning(status: int, words: str, body: object) -> Meaning:
    details = list(_details(own_error(status, body) or {}))
    wait_seconds = _retry_seconds(details)
    if status == 400 and is_provisioning(words):
        return Meaning(
            code=ErrorCode.PROVIDER_UNAVAILABLE,
            retry_after_seconds=wait_seconds or PROVISIONING_SECONDS,
            ask_again=True,
        )
    reasons = " ".join(str(detail.get("reason") or "") for detail in details)
    code = _code(status, f"{words} {reasons}")
    return Meaning(code=code, retry_after_seconds=wait_seconds)


def _code(status: int, words: str) -> ErrorCode | None:
    """Words make a 400 more precise, and tell a 403 or 429 of a spent cap apart."""
    if status == 429:
        is_spent = _DEPLETED.search(words) and not _RATE.search(words)
        return ErrorCode.OUT_OF_CREDITS if is_spent else None
    if status == 403:
        return ErrorCode.OUT_OF_CREDITS if _CAPPED.search(words) else None
    if status != 400:
        return None
    if refusal := refused_call(words):
        return refusal
    if _NO_ACCESS.search(words):
        return ErrorCode.ACCESS_DENIED
    if _DEPLETED.search(words) or _NO_BILLING.search(words):
        return ErrorCode.OUT_OF_CREDITS
    return ErrorCode.MODEL_UNAVAILABLE if names_lost_model(words) else None


def refused_call(words: str) -> ErrorCode | None:
    """What an error in place of a generation refuses: no output exists, so the input.

    `content_blocked` is the code in words that Interactions have for it.
    """
    found = refused(words, unnamed=ErrorCode.PROMPT_REFUSED)
    if found is None and "content_blocked" in words:
        return refused(f"Blocked: {words}") or ErrorCode.PROMPT_REFUSED
    return found


def _details(error: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield detail


def _retry_seconds(details: list[Mapping[str, object]]) -> float | None:
    """`retryDelay` of google.rpc.RetryInfo, such as "5.2s"."""
    for detail in details:
        if str(detail.get("@type")).endswith("google.rpc.RetryInfo"):
            found = _DELAY.fullmatch(str(detail.get("retryDelay")))
            return bounded_wait(float(found[1])) if found else None
    return None


GOOGLE = VendorErrors(codes=_CODES, words_of=_words, meaning_of=_meaning)
