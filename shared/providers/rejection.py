"""When an answer to a paid POST proves that the vendor did not take the job.

The proof has two parts: a status that the vendor documents for it, and a body that is
the vendor's own error JSON. Anything else may be a proxy's word about a job that the
vendor did take, so its outcome is unknown.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Rejected, Unknown
from shared.providers.redaction import hide, redact
from shared.retry_after import retry_after_seconds


class Answer(Struct, frozen=True, kw_only=True):
    """An HTTP answer. `body` is its JSON, or its text if it is no JSON."""

    status: int
    body: object
    headers: Mapping[str, str]


class Meaning(Struct, frozen=True, kw_only=True):
    """What a vendor's error says beyond its status.

    `presumed_wait_seconds` counts where the vendor names no time itself.
    """

    code: ErrorCode | None = None
    retry_after_seconds: float | None = None
    presumed_wait_seconds: float | None = None
    ask_again: bool = False


class VendorErrors(Struct, frozen=True, kw_only=True):
    """One vendor's errors.

    `codes`: the documented statuses of a rejection. `words_of` gives the words of the
    vendor's own error JSON for a status, None for any other body. `meaning_of` gets
    the status, those words without the prompt, and the body.
    """

    codes: Mapping[int, ErrorCode]
    words_of: Callable[[int, object], str | None]
    meaning_of: Callable[[int, str, object], Meaning]


def outcome_of_error(
    answer: Answer, vendor: VendorErrors, *secrets: str
) -> Rejected | Unknown:
    """What an answer that is not 2xx says about the job; for every vendor."""
    words = vendor.words_of(answer.status, answer.body)
    if answer.status not in vendor.codes or words is None:
        return Unknown(detail=redact(f"HTTP {answer.status}: {answer.body}", *secrets))
    meaning = vendor.meaning_of(answer.status, hide(words, *secrets), answer.body)
    waits = (
        meaning.retry_after_seconds,
        retry_after_seconds(answer.headers.get("retry-after")),
    )
    return Rejected(
        problem=Problem(
            code=meaning.code or vendor.codes[answer.status],
            detail=redact(words, *secrets) or f"HTTP {answer.status}",
        ),
        retry_after_seconds=max(
            (w for w in waits if w is not None), default=meaning.presumed_wait_seconds
        ),
        ask_again=meaning.ask_again,
    )


def says_gone(answer: Answer, vendor: VendorErrors) -> bool:
    """Whether the vendor itself says that what was asked for does not exist."""
    own_words = vendor.words_of(answer.status, answer.body)
    return answer.status in (404, 410) and own_words is not None
