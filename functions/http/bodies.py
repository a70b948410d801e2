"""The bodies of requests and answers: JSON objects in, JSON out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import HTTPException

from functions.http.receiving import SMALL_BODY_BYTES
from shared.domain.errors import (
    FieldError,
    InvalidRequest,
    Malformed,
    TooLarge,
    UnsupportedMedia,
)
from shared.domain.fields import Field, read_fields, read_texts
from shared.domain.projection import as_json

# The longest valid body has a thousand commas. A body of nothing else takes thirty
# times its size once it is parsed.
MOST_VALUES = 10_000
LONGEST_KEY = 255


def read_object(
    request: Request, *, most_bytes: int = SMALL_BODY_BYTES
) -> Mapping[str, Any]:
    """The body, if it is one JSON object; TooLarge, UnsupportedMedia, Malformed."""
    if request.mimetype != "application/json":
        raise UnsupportedMedia(request.mimetype)
    try:
        body = request.stream.read(most_bytes + 1)
        if len(body) > most_bytes:
            raise TooLarge(most_bytes)
        value = _parsed(body)
    except (ValueError, RecursionError, OSError, HTTPException) as error:
        raise Malformed(type(error).__name__) from error
    if not isinstance(value, dict):
        raise Malformed(type(value).__name__)
    return value


def _parsed(body: bytes) -> object:
    """ValueError if it is not JSON, or more of it than a request can need."""
    if sum(body.count(mark) for mark in b"{[,") > MOST_VALUES:
        raise ValueError("too many values")
    value = json.loads(body.decode(), parse_constant=_refuse, object_pairs_hook=_object)
    if b"\\ud" in body or b"\\uD" in body:
        # A lone surrogate can be written as \\ud800, but not be sent back as UTF-8.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def read_body(request: Request, fields: Mapping[str, Field]) -> Mapping[str, Any]:
    """The body's values by name; InvalidRequest names each wrong one."""
    values, errors = read_fields(fields, read_object(request))
    if errors:
        raise InvalidRequest(tuple(errors))
    return values


def read_query(request: Request, fields: Mapping[str, Field]) -> Mapping[str, Any]:
    """The query's values by name; InvalidRequest names each wrong or repeated one."""
    given = request.args.to_dict(flat=False)
    texts = {name: texts[0] for name, texts in given.items()}
    values, errors = read_texts(fields, texts)
    errors += [
        FieldError(field=name, reason="given_twice")
        for name in fields
        if len(given.get(name, ())) > 1
    ]
    if errors:
        raise InvalidRequest(tuple(errors))
    return values


def read_key(request: Request) -> str | None:
    """The Idempotency-Key, 1 to 255 printable characters; None without one."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise InvalidRequest((FieldError(field="Idempotency-Key", reason="not_a_key"),))
    return key


def answer(
    body: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(
        as_json(body) + "\n",  # so that a terminal's prompt stands on its own line
        status=status,
        mimetype="application/json",
        headers=dict(headers or {}),
    )


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Duplicate keys are rejected because the intended value is ambiguous."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a duplicate key")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
