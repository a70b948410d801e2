"""Problem responses: each has its code, its sentence and its headers."""

from datetime import timedelta

import pytest

from functions.http.problems import problem, title
from shared.domain.errors import (
    ApiError,
    Contended,
    ErrorCode,
    ExceedsLimit,
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
        (TooManyJobs(retry_after=timedelta(minutes=9)), "Retry-After", "540"),
        (GenerationPaused(), "Retry-After", "300"),
        (Unavailable(), "Retry-After", "5"),
        (Unavailable(retry_after=timedelta(minutes=1)), "Retry-After", "60"),
        (Contended(), "Retry-After", "5"),
        (Unauthenticated(), "WWW-Authenticate", "Bearer"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ApiError) else "",
)
def test_a_refusal_says_what_to_do_next(
    refused: ApiError, name: str, value: str
) -> None:
    assert problem(refused, Language.ENGLISH).headers[name] == value


@pytest.mark.parametrize(
    ("refused", "field", "message"),
    [
        (
            InvalidRequest((FieldError(field="seed", reason="not_a_whole_number"),)),
            "seed",
            "must be a whole number",
        ),
        (IdempotencyConflict(), "Idempotency-Key", "already used with a different"),
        (ExceedsLimit(), "duration", "costs more than the spending limit allows"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ApiError) else "",
)
def test_every_422_names_its_fields(
    refused: ApiError, field: str, message: str
) -> None:
    body = problem(refused, Language.ENGLISH).get_json(force=True)

    [error] = body["errors"]
    assert (body["status"], error["field"]) == (422, field)
    assert message in error["message"]


@pytest.mark.parametrize(
    ("status", "expected"), [(404, "Not Found"), (413, "Content Too Large")]
)
def test_a_status_has_the_same_title_under_every_python(
    status: int, expected: str
) -> None:
    assert title(status) == expected
