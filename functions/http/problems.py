"""Renders errors as RFC 9457 problem+json, in English or Korean."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from math import ceil

from flask import Response
from msgspec import Struct

from functions.http.components import example_of
from functions.http.schemas import (
    Schema,
    choice,
    described,
    list_of,
    record,
    text,
    whole,
    with_optional,
)
from shared.domain.errors import (
    CAPS_REACHED,
    ApiError,
    ExceedsLimit,
    IdempotencyConflict,
    InvalidRequest,
    LimitReached,
)
from shared.domain.job import Language
from shared.domain.refusals import describe_code, describe_field, describe_refusal

KEY_HEADER = "Idempotency-Key"
PROBLEM_JSON = "application/problem+json"
# The names in RFC 9110. Before 3.13, Python has others.
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


def codes_by_status() -> Mapping[int, tuple[str, ...]]:
    """Every error code of the API, by HTTP status."""
    kinds: tuple[type[ApiError], ...] = (ApiError, *ApiError.__subclasses__())
    found: dict[int, tuple[str, ...]] = {}
    for kind in kinds:
        codes = [c.value for c in CAPS_REACHED] if kind is LimitReached else [kind.code]
        found[kind.status] = (*found.get(kind.status, ()), *codes)
    return found


PROBLEM_CODE = choice(
    "ProblemCode", (code for codes in codes_by_status().values() for code in codes)
)
FIELD_PROBLEM = record(
    "FieldProblem",
    "An invalid field of a request.",
    field=text("The field's name.", "duration"),
    message=text("What is wrong with it.", "must be from 3 to 10"),
)
PROBLEM = with_optional(
    record(
        "Problem",
        "An error (RFC 9457).",
        type=text("A URI for the kind of error.", "urn:reelay:problem:not_found"),
        title=text("The status's name.", "Not Found"),
        status=whole("The HTTP status.", 404),
        detail=text("What happened and what to do, for people.", "Not found."),
        code=described(PROBLEM_CODE, "The kind of error, for programs.", "not_found"),
    ),
    errors=list_of(FIELD_PROBLEM, "Every invalid field, for a 422."),
)


class ErrorFormat(Struct, frozen=True, kw_only=True):
    """How errors look in a route's description: their schema, and what each code says.

    `example` takes a status, a code and its sentence.
    """

    media_type: str
    schema: Schema
    example: Callable[[int, str, str], Mapping[str, object]]
    describe: Callable[[str, Language], str] = describe_code


def problem(
    refused: ApiError, language: Language, headers: Mapping[str, str] | None = None
) -> Response:
    detail = describe_refusal(refused, language)
    body = problem_body(refused.status, refused.code, detail)
    if errors := _errors(refused, language):
        body["errors"] = errors
    return Response(
        json.dumps(body, ensure_ascii=False) + "\n",
        status=refused.status,
        mimetype=PROBLEM_JSON,
        headers=dict(headers or {}) | headers_of(refused),
    )


def problem_body(status: int, code: str, detail: str) -> dict[str, object]:
    return {
        "type": f"urn:reelay:problem:{code}",
        "title": title(status),
        "status": status,
        "detail": detail,
        "code": code,
    }


def _example(status: int, code: str, detail: str) -> Mapping[str, object]:
    body = problem_body(status, code, detail)
    is_invalid = status == HTTPStatus.UNPROCESSABLE_ENTITY
    return body | ({"errors": [example_of(FIELD_PROBLEM)]} if is_invalid else {})


PROBLEMS = ErrorFormat(media_type=PROBLEM_JSON, schema=PROBLEM, example=_example)


def title(status: int) -> str:
    """A status's name, the same in every version of Python."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def _errors(refused: ApiError, language: Language) -> list[dict[str, str]]:
    match refused:
        case InvalidRequest(errors=errors):
            return [
                {"field": e.field, "message": describe_field(e, language)}
                for e in errors
            ]
        case IdempotencyConflict():
            message = describe_refusal(refused, language)
            return [{"field": KEY_HEADER, "message": message}]
        case ExceedsLimit():  # the first way to make a video cheaper is to shorten it
            message = describe_refusal(refused, language)
            return [{"field": "duration", "message": message}]
        case _:
            return []


def headers_of(refused: ApiError) -> dict[str, str]:
    if refused.retry_after is not None:
        return {"Retry-After": str(ceil(refused.retry_after.total_seconds()))}
    if refused.status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    return {}
