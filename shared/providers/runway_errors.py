"""What Runway's errors mean, the same for its SDK and plain HTTP.

Sources: docs.dev.runwayml.com (errors/errors) and the README of runwayml 5.24.0, read
on 2026-11-22; error texts from public logs. 402 is HTTP's own word, not Runway's.

502 and 504 are left out, although Runway documents them: they say that whoever answers
could not reach the one behind it, or did not hear from it in time.
"""

import re
from collections.abc import Mapping

from shared.domain.errors import ErrorCode
from shared.providers.rejection import Meaning, VendorErrors
from shared.providers.safety_words import refused

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
# Stands in most of Runway's errors, and in nobody else's.
_DOCUMENTATION = "https://docs.dev.runwayml.com/"
# "Could not find Task", which is said without the documentation's address.
_THING = re.compile(r"(?i)\b(task|model)\b")
_NO_CREDITS = re.compile(
    r"(?i)\bnot (have )?enough (credits?|funds?|balance)\b"
    r"|\binsufficient (credits?|funds?|balance)\b|\bspend(ing)? limit\b"
    r"|\b(no|out of) (more )?credits\b|\bcredit balance is (too low|exhausted|empty)\b"
)
# The model itself is the subject, and not one field in combination with it.
_MODEL_GONE = re.compile(
    r"(?i)\bmodel( variant)?( ['\"`]?[\w.-]+['\"`]?)?"
    r" ((is|was|has been) (not available|not supported|no longer|not found|deprecated"
    r"|retired)|does not exist)"
    r"(?! (with|for|at|when|together)\b)"
    r"|\bmodel( ['\"`]?[\w.-]+['\"`]?)? not found\b"
    r"|\bunknown model\b(?! (parameter|option|field))"
)
_DAILY = re.compile(r"(?i)\bdaily\b.{0,40}\blimit\b")
# Runway's day is the last 24 hours, so it may take a task again at any time.
_DAILY_WAIT_SECONDS = 900.0


def _words(status: int, body: object) -> str | None:
    """`error` and `issues` of Runway's own JSON; None for any other body.

    Gateways write `{"error": "…"}` too. So a 5xx must have what only Runway writes, and
    a 404 that or the thing that Runway did not find.
    """
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(error, str) or not error:
        return None
    is_signed = str(body.get("docUrl")).startswith(_DOCUMENTATION)
    if status >= 500 and not is_signed:
        return None
    if status in (404, 410) and not is_signed and not _THING.search(error):
        return None
    issues = body.get("issues")
    return f"{error} {issues}" if issues else error


def _meaning(status: int, words: str, body: object) -> Meaning:
    if status == 403 and _NO_CREDITS.search(words):
        return Meaning(code=ErrorCode.OUT_OF_CREDITS)
    if status == 429 and _DAILY.search(words):
        return Meaning(presumed_wait_seconds=_DAILY_WAIT_SECONDS)
    return Meaning(code=_code_of_400(words, body) if status == 400 else None)


def _code_of_400(words: str, body: object) -> ErrorCode | None:
    issues = body.get("issues") if isinstance(body, dict) else None
    if isinstance(issues, list) and issues:
        # An error of form. Only the field `model` says something about the model.
        return ErrorCode.MODEL_UNAVAILABLE if _is_about_model(issues) else None
    if _NO_CREDITS.search(words):
        return ErrorCode.OUT_OF_CREDITS
    if _MODEL_GONE.search(words):
        return ErrorCode.MODEL_UNAVAILABLE
    return refused(words)


def _is_about_model(issues: list[object]) -> bool:
    paths = [issue.get("path") for issue in issues if isinstance(issue, dict)]
    return ["model"] in paths


RUNWAY = VendorErrors(codes=_CODES, words_of=_words, meaning_of=_meaning)
