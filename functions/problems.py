"""Errors as callers get them: RFC 9457 problem+json, in English or Korean."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

from flask import Response

from shared.domain.errors import (
    ErrorCode,
    GenerationPaused,
    InvalidRequest,
    LimitReached,
    Refused,
    TooManyJobs,
)
from shared.domain.job import Language
from shared.domain.messages import describe_field, describe_refusal

PROBLEM_JSON = "application/problem+json"
LIMITS = (ErrorCode.DAILY_LIMIT_REACHED, ErrorCode.MONTHLY_LIMIT_REACHED)


def problem(
    refused: Refused, language: Language, headers: Mapping[str, str] | None = None
) -> Response:
    body: dict[str, object] = {
        "type": f"urn:reelay:problem:{refused.code}",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": describe_refusal(refused, language),
        "code": refused.code,
    }
    if isinstance(refused, InvalidRequest):
        body["errors"] = [
            {"field": e.field, "message": describe_field(e, language)}
            for e in refused.errors
        ]
    return Response(
        json.dumps(body, ensure_ascii=False),
        status=refused.status,
        mimetype=PROBLEM_JSON,
        headers=dict(headers or {}) | _headers(refused),
    )


def codes_by_status() -> Mapping[int, tuple[str, ...]]:
    """Every code that a caller can be refused with."""
    kinds: tuple[type[Refused], ...] = (Refused, *Refused.__subclasses__())
    found: dict[int, tuple[str, ...]] = {}
    for kind in kinds:
        codes = [c.value for c in LIMITS] if kind is LimitReached else [kind.code]
        found[kind.status] = (*found.get(kind.status, ()), *codes)
    return found


def _headers(refused: Refused) -> dict[str, str]:
    match refused:
        case LimitReached(retry_after=wait):
            return {"Retry-After": str(ceil(wait.total_seconds()))}
        case TooManyJobs():
            return {"Retry-After": "60"}
        case GenerationPaused():
            return {"Retry-After": "300"}
        case Refused(status=HTTPStatus.UNAUTHORIZED):
            return {"WWW-Authenticate": "Bearer"}
        case Refused(status=HTTPStatus.SERVICE_UNAVAILABLE):
            return {"Retry-After": "5"}
        case _:
            return {}
