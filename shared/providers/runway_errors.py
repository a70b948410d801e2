"""Interprets Runway's errors, for both its SDK and plain HTTP.

Sources: docs.dev.runwayml.com (errors/errors) and the README of runwayml 5.24.0, read
on 2026-11-22; error texts from public logs. 402 has HTTP's meaning: Runway doesn't
document it.

502 and 504 are left out, although Runway documents them: they mean that a gateway could
not reach the server behind it, or got no response in time.
"""

import re
from collections.abc import Mapping

from shared.domain.errors import ErrorCode
from shared.providers.rejection import Interpretation, VendorErrors
from shared.providers.safety_refusals import safety_refusal

_CODES: Mapping[int, ErrorCode] = {
    400: ErrorCode.INPUT_NOT_ACCEPTED,
    401: ErrorCode.ACCESS_DENIED,
    402: ErrorCode.OUT_OF_CREDITS,
    403: ErrorCode.ACCESS_DENIED,
    404: ErrorCode.MODEL_UNAVAILABLE,
    405: ErrorCode.PROVIDER_ERROR,
    422: ErrorCode.INPUT_NOT_ACCEPTED,
    429: ErrorCode.RATE_LIMITED,
    503: ErrorCode.PROVIDER_UNAVAILABLE,
}
# Most of Runway's errors contain this, and only Runway's do.
_DOCUMENTATION = "https://docs.dev.runwayml.com/"
# "Could not find Task" comes without the documentation's URL.
_NOT_FOUND = re.compile(r"(?i)\b(task|model)\b")
_NO_CREDITS = re.compile(
    r"(?i)(\bnot|n['\u2019]t) (have )?enough (credits?|funds?|balance)\b"
    r"|\b(requires?|needs?|at least) \d+ (more )?credits?\b"
    r"|\binsufficient (credits?|funds?|balance)\b|\bspend(ing)? (limit|cap)\b"
    # Left in the account, not as what this request took.
    r"|(?<![.,])(?<!charged )(?<!costs )\b(no|0|zero|out of) (more )?credits\b"
    r"(?! (were|have been|are) (charged|deducted|used)\b)"
    r"|\bbalance is (too low|exhausted|empty)\b"
    r"|\bcredits (are|have been) (depleted|exhausted|used up)\b"
)
# Only with the model itself as the subject, not a field in combination with it.
_MODEL_GONE = re.compile(
    r"(?i)\bmodel( variant)?( ['\"`]?[\w.-]+['\"`]?)?"
    r" ((is|was|has been) (not available|not supported|no longer|not found|deprecated"
    r"|retired)|does not exist)"
    r"(?! (with|for|at|when|together)\b)"
    r"|\bmodel( ['\"`]?[\w.-]+['\"`]?)? not found\b"
    r"|\bunknown model\b(?! (parameter|option|field))"
)
_DAILY_LIMIT = re.compile(r"(?i)\bdaily\b.{0,40}\blimit\b|\b24[ -]hours?\b")
# Runway counts the last 24 hours, so it may accept a task again at any time.
_DAILY_WAIT_SECONDS = 900.0


def _message(status: int, body: object) -> str | None:
    """`error` and `issues` of Runway's own JSON; None for any other body.

    Gateways write `{"error": "…"}`, too. So a 5xx must contain what only Runway writes,
    and a 404 either that or the kind of thing that Runway did not find.
    """
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(error, str) or not error:
        return None
    is_signed = str(body.get("docUrl")).startswith(_DOCUMENTATION)
    if status >= 500 and not is_signed:
        return None
    if status in (404, 410) and not is_signed and not _NOT_FOUND.search(error):
        return None
    issues = body.get("issues")
    return f"{error} {issues}" if issues else error


def _interpret(status: int, message: str, body: object) -> Interpretation:
    if status == 403 and _NO_CREDITS.search(message):
        return Interpretation(code=ErrorCode.OUT_OF_CREDITS)
    if status == 429 and _DAILY_LIMIT.search(message):
        return Interpretation(presumed_wait_seconds=_DAILY_WAIT_SECONDS)
    is_about_body = status in (400, 422)
    return Interpretation(code=_code_of_body(message, body) if is_about_body else None)


def _code_of_body(message: str, body: object) -> ErrorCode | None:
    issues = body.get("issues") if isinstance(body, dict) else None
    if isinstance(issues, list) and issues:
        # A validation error. Only one of the field `model` is about the model.
        paths = [issue.get("path") for issue in issues if isinstance(issue, dict)]
        return ErrorCode.MODEL_UNAVAILABLE if ["model"] in paths else None
    if _NO_CREDITS.search(message):
        return ErrorCode.OUT_OF_CREDITS
    if _MODEL_GONE.search(message):
        return ErrorCode.MODEL_UNAVAILABLE
    return safety_refusal(message)


RUNWAY = VendorErrors(codes=_CODES, message_of=_message, interpret=_interpret)
