"""Problems: each has its code, its sentence and its headers."""

from datetime import timedelta

import pytest

from functions.http.problems import problem, title
from shared.domain.errors import (
    ApiError,
    Crowded,
    ErrorCode,
    FieldError,
    GenerationPaused,
    IdempotencyConflict,
    InvalidRequest,
    LimitReached,
    TooManyJobs,
    Unauthenticated,
    Unavailable,
)
from shared.domain.job import Language


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
        (Unavailable(retry_after=timedelta(minutes=1)), "Retry-After", "60"),
        (Crowded(), "Retry-After", "5"),
        (Unauthenticated(), "WWW-Authenticate", "Bearer"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ApiError) else "",
)
def test_a_refusal_says_what_to_do_next(
    refused: ApiError, name: str, value: str
) -> None:
    assert problem(refused, Language.ENGLISH).headers[name] == value


@pytest.mark.parametrize(
    ("refused", "errors"),
    [
        (
            InvalidRequest((FieldError(field="seed", reason="not_a_whole_number"),)),
            [{"field": "seed", "message": "must be a whole number"}],
        ),
        (
            IdempotencyConflict(),
            [
                {
                    "field": "Idempotency-Key",
                    "message": "This Idempotency-Key was already used with a different "
                    "body.",
                }
            ],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ApiError) else "",
)
def test_whatever_is_unprocessable_names_its_fields(
    refused: ApiError, errors: list[dict[str, str]]
) -> None:
    body = problem(refused, Language.ENGLISH).get_json(force=True)

    assert (body["status"], body["errors"]) == (422, errors)


@pytest.mark.parametrize(
    ("status", "said"), [(404, "Not Found"), (413, "Content Too Large")]
)
def test_a_status_is_called_the_same_under_every_python(status: int, said: str) -> None:
    assert title(status) == said
