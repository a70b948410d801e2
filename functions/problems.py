"""Errors as callers get them: RFC 9457 problem+json, in English or Korean."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

from flask import Response

from shared.domain.errors import (
    GenerationPaused,
    InvalidRequest,
    LimitReached,
    Refused,
)
from shared.domain.job import Language
from shared.domain.messages import describe_field, describe_refusal

PROBLEM_JSON = "application/problem+json"


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


def _headers(refused: Refused) -> dict[str, str]:
    if isinstance(refused, LimitReached):
        return {"Retry-After": str(ceil(refused.retry_after.total_seconds()))}
    if isinstance(refused, GenerationPaused):
        return {"Retry-After": "300"}
    match refused.status:
        case HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": "5"}
        case _:
            return {}
