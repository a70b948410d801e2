"""The bodies of requests and answers: JSON objects in, JSON out."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Request, Response

from shared.domain.errors import (
    FieldError,
    InvalidRequest,
    Malformed,
    TooLarge,
    UnsupportedMedia,
)
from shared.domain.projection import moment

LARGEST_BODY_BYTES = 1_000_000
LONGEST_KEY = 255


def read_object(request: Request) -> Mapping[str, Any]:
    """The body, where it is one JSON object; TooLarge, UnsupportedMedia, Malformed."""
    if request.mimetype != "application/json":
        raise UnsupportedMedia(request.mimetype)
    body = request.stream.read(LARGEST_BODY_BYTES + 1)
    if len(body) > LARGEST_BODY_BYTES:
        raise TooLarge
    try:
        value = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from error
    if not isinstance(value, dict):
        raise Malformed(type(value).__name__)
    return value


def read_key(request: Request) -> str | None:
    """The Idempotency-Key, 1 to 255 printable characters; None where there is none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise InvalidRequest((FieldError(field="Idempotency-Key", reason="not_a_key"),))
    return key


def answer(
    body: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    text = json.dumps(body, ensure_ascii=False, default=_plain)
    return Response(
        text, status=status, mimetype="application/json", headers=dict(headers or {})
    )


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(type(value).__name__)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
