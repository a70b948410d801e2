"""Interprets Google's errors, for both Veo and Omni.

Sources: the statuses of google.rpc and the types of google-genai 3.6.1; the page
"responsible AI" of Veo on the Agent Platform; public logs of the Gemini API, 2026-11;
ai.google.dev/gemini-api/docs/api-errors, the codes of Interactions, 2026-12-01.
"""

import re
from collections.abc import Iterator, Mapping

from shared.domain.errors import ErrorCode
from shared.providers.rejection import Interpretation, VendorErrors
from shared.providers.safety_refusals import safety_refusal
from shared.retry_after import bounded_wait

# 409, 499, 500 and 504 are left out: Google may send them after accepting the job.
_CODES: Mapping[int, ErrorCode] = {
    400: ErrorCode.INPUT_NOT_ACCEPTED,
    401: ErrorCode.ACCESS_DENIED,
    402: ErrorCode.OUT_OF_CREDITS,
    403: ErrorCode.ACCESS_DENIED,
    404: ErrorCode.MODEL_UNAVAILABLE,
    416: ErrorCode.INPUT_NOT_ACCEPTED,
    429: ErrorCode.RATE_LIMITED,
    503: ErrorCode.PROVIDER_UNAVAILABLE,
}
# The only code of Interactions with a 5xx that counts: overloaded or down.
_UNAVAILABLE = "service_unavailable"
# Their codes for what was blocked, the first one for its likeness to existing work.
_BLOCKED = re.compile(
    r"(?i)(?:^|: )(?:image_)?"
    r"(?:(recitation)|safety|prohibited_content|blocklist|spii|content_blocked): "
)
# A spending cap that the owner set: of a project in AI Studio, or a spend-cap budget.
# Google hasn't published the latter's message yet, so its 403 is matched the same way.
_CAP = r"\bspend(?:ing)?[ -](?:cap|limit)\b"
_CAPPED = re.compile(f"(?i){_CAP}")
_DEPLETED = re.compile(rf"(?i)\bcredits are depleted\b|\bBILLING_DISABLED\b|{_CAP}")
_RATE = re.compile(r"(?i)\b(requests?|tokens?|videos?) per (second|minute|hour|day)\b")
# A model that only paid plans may use, and no limit that a pause would lift.
_PAID_ONLY = re.compile(r"(?i)free_tier\w*, limit: 0\b")
_NO_BILLING = re.compile(
    r"(?i)\benable billing\b|\bbilling (is|has been|was) (disabled|not enabled)\b"
    r"|\bbilling has not been enabled\b"
    r"|\bbilling account\b.{0,60}\b(not open|closed|disabled)\b"
)
_NO_ACCESS = re.compile(
    r"(?i)\bapi.?key (not valid|expired|not found)|\bAPI_KEY_INVALID\b"
    r"|\bapi.?key restrictions?\b|\blocation is not supported\b"
    r"|\bonly (accessible|available) to billed users\b"
)
# Only with the model as the subject: "… for this model is not supported" is about a
# field. Names are bounded, or a message of many slashes would take hours.
_MODEL_GONE = re.compile(
    r"(?i)\bmodels?[ /:`'\"]{0,4}[\w./-]{0,200}[`'\"]{0,2}"
    r" (is|are|was|were|has been|have been)"
    r" (no longer|not found|retired|deprecated|shut ?down|discontinued)"
)
_NOT_FOUND = re.compile(r"(?i)\b(models?|interactions?)\b")
_PROVISIONING = re.compile(r"(?i)\bservice agents? (is|are) being provisioned\b")
_DELAY = re.compile(r"(\d{1,9}(?:\.\d+)?)s")


def is_provisioning(message: str) -> bool:
    return bool(_PROVISIONING.search(message))


def says_model_gone(message: str) -> bool:
    return bool(_MODEL_GONE.search(message))


def own_error(status: int, body: object) -> Mapping[str, object] | None:
    """`error` in Google's own JSON for this status, or None for any other body.

    google.rpc has `code` (the HTTP status), `message` and `status`; Interactions have a
    textual `code` and a `message`. Other APIs use the second form, too, so with a 5xx
    it must have the documented code, and a 404 must name what Google did not find.
    """
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    code, name = error.get("code"), error.get("status")
    if code == status and isinstance(name, str) and name:
        return error
    if not isinstance(code, str) or not code or "type" in error:
        return None
    if status >= 500 and code != _UNAVAILABLE:
        return None
    if status in (404, 410) and not _NOT_FOUND.search(error["message"]):
        return None
    return error


def _message(status: int, body: object) -> str | None:
    error = own_error(status, body)
    if error is None:
        return None
    code = error["code"]
    name = code if isinstance(code, str) else error["status"]
    return f"{name}: {error['message']}"


def _interpret(status: int, message: str, body: object) -> Interpretation:
    if is_provisioning(message):
        # A new project's first call, before Google has created its service agents.
        return Interpretation(code=ErrorCode.PROVIDER_UNAVAILABLE, ask_again=True)
    details = list(_details(own_error(status, body) or {}))
    reasons = " ".join(str(detail.get("reason")) for detail in details)
    code = _code(status, f"{message} {reasons}")
    return Interpretation(code=code, retry_after_seconds=_retry_seconds(details))


def _code(status: int, message: str) -> ErrorCode | None:
    """The message makes a 400 more precise, and identifies a 403 or 429 that is due to
    a spending cap, or a 429 to the lack of a paid plan.
    """
    if status == 429:
        if _PAID_ONLY.search(message):
            return ErrorCode.ACCESS_DENIED
        is_spent = _DEPLETED.search(message) and not _RATE.search(message)
        return ErrorCode.OUT_OF_CREDITS if is_spent else None
    if status == 403:
        return ErrorCode.OUT_OF_CREDITS if _CAPPED.search(message) else None
    if status != 400:
        return None
    if refusal := refusal_of_request(message):
        return refusal
    if _NO_ACCESS.search(message):
        return ErrorCode.ACCESS_DENIED
    if _DEPLETED.search(message) or _NO_BILLING.search(message):
        return ErrorCode.OUT_OF_CREDITS
    return ErrorCode.MODEL_UNAVAILABLE if says_model_gone(message) else None


def refusal_of_request(message: str) -> ErrorCode | None:
    """The safety refusal in an error that came instead of a generation, or None.

    As there is no output, an unspecific refusal is about the input.
    """
    blocked = _BLOCKED.search(message)
    if blocked is None:
        return safety_refusal(message, unnamed=ErrorCode.PROMPT_REFUSED)
    if blocked[1]:
        return ErrorCode.OUTPUT_FILTERED
    why = safety_refusal(f"Blocked: {message[blocked.end() :]}")
    return why or ErrorCode.PROMPT_REFUSED


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


GOOGLE = VendorErrors(codes=_CODES, message_of=_message, interpret=_interpret)
