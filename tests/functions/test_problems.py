"""Problems: each has its code, its sentence and its headers."""

from datetime import timedelta

import pytest

from functions.problems import codes_by_status, problem
from shared.domain.errors import (
    ErrorCode,
    GenerationPaused,
    LimitReached,
    Refused,
    TooManyJobs,
    Unauthenticated,
    Unavailable,
)
from shared.domain.job import Language
from shared.domain.messages import describe_code
from tests.fakes.refusals import every_refusal

CODES = [code for codes in codes_by_status().values() for code in codes]


@pytest.mark.parametrize(
    ("refused", "name", "value"),
    [
        (
            LimitReached(ErrorCode.DAILY_LIMIT_REACHED, timedelta(seconds=1.2)),
            "Retry-After",
            "2",
        ),
        (TooManyJobs(), "Retry-After", "60"),
        (GenerationPaused(), "Retry-After", "300"),
        (Unavailable(), "Retry-After", "5"),
        (Unauthenticated(), "WWW-Authenticate", "Bearer"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Refused) else "",
)
def test_a_refusal_says_what_to_do_next(
    refused: Refused, name: str, value: str
) -> None:
    assert problem(refused, Language.ENGLISH).headers[name] == value


@pytest.mark.parametrize("refused", every_refusal(), ids=lambda r: type(r).__name__)
def test_every_refusal_is_among_the_known_codes(refused: Refused) -> None:
    assert refused.code in codes_by_status()[refused.status]


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_sentence_in_both_languages(code: str) -> None:
    english, korean = (describe_code(code, language) for language in Language)

    assert english and korean and english != korean
