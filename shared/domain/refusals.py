"""The sentences of the API's errors, in English and Korean."""

from shared.domain.errors import (
    ApiError,
    Conflict,
    Contended,
    ErrorCode,
    FieldError,
    Forbidden,
    LimitReached,
    NoSuchPath,
    Reasoned,
    TooLarge,
    Unauthenticated,
)
from shared.domain.job import Language
from shared.domain.ledger import HOLDS_RETRY_AFTER
from shared.domain.messages import SENTENCES, Sentences, describe, in_language

# When holds of open jobs, rather than spending, fill a cap.
_HELD: Sentences = SENTENCES["held"]
_REASONS: Sentences = SENTENCES["reasons"]
_REFUSALS: Sentences = SENTENCES["refusals"]
# {0}, {1} are the parameters of the field's error.
FIELDS: Sentences = SENTENCES["fields"]
# The reasons that stand for all of their codes.
_USUAL_REASONS = {e.code: e.reason for e in (Unauthenticated, Forbidden, Conflict)}


def describe_refusal(refused: ApiError, language: Language) -> str:
    match refused:
        case LimitReached(limit=limit, retry_after=after) if after == HOLDS_RETRY_AFTER:
            return in_language(_HELD[limit], language)
        case LimitReached(limit=limit):
            return describe(limit, language)
        case Reasoned(reason=reason):
            return in_language(_REASONS[reason], language)
        case TooLarge(max_bytes=int(most)):
            return in_language(SENTENCES["too_large"], language).format(most)
        case NoSuchPath():
            return in_language(SENTENCES["no_such_path"], language)
        case Contended():
            return in_language(SENTENCES["contended"], language)
        case _:
            return describe_code(refused.code, language)


def describe_code(code: str, language: Language) -> str:
    """The sentence for a caller who is refused with `code`."""
    if code in _REFUSALS:
        return in_language(_REFUSALS[code], language)
    if code in _USUAL_REASONS:
        return in_language(_REASONS[_USUAL_REASONS[code]], language)
    return describe(ErrorCode(code), language)


def describe_field(error: FieldError, language: Language) -> str:
    return in_language(FIELDS[error.reason], language).format(*error.parameters)
