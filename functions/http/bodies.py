"""Reads JSON request bodies, queries and idempotency keys; writes JSON responses."""

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
from shared.domain.fields import Field, read_texts
from shared.domain.projection import as_json

# The longest valid body has 18,000 commas, in its strings. A body of nothing else takes
# thirty times its size in memory once it is parsed.
MAX_VALUES = 20_000
MAX_KEY_LENGTH = 255


def read_object(
    request: Request, *, max_bytes: int = SMALL_BODY_BYTES
) -> Mapping[str, Any]:
    """The body, which must be one JSON object.

    Raises TooLarge, UnsupportedMedia or Malformed.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMedia(request.mimetype)
    encoding = request.content_encoding
    if encoding is not None and encoding.lower() != "identity":
        raise UnsupportedMedia(encoding)
    try:
        body = request.stream.read(max_bytes + 1)
        if len(body) > max_bytes:
            raise TooLarge(max_bytes)
        value = _parse(body)
    except (ValueError, RecursionError, OSError, HTTPException) as error:
        raise Malformed(type(error).__name__) from error
    if not isinstance(value, dict):
        raise Malformed(type(value).__name__)
    return value


def _parse(body: bytes) -> object:
    """ValueError if it is not JSON, or has more values than any valid request."""
    if sum(body.count(mark) for mark in b"{[,") > MAX_VALUES:
        raise ValueError("too many values")
    value = json.loads(
        body.decode("utf-8-sig"),  # some editors begin a file with a mark
        parse_constant=_refuse_constant,
        object_pairs_hook=_without_duplicates,
    )
    if b"\\ud" in body or b"\\uD" in body:
        # JSON can spell a lone surrogate as \\ud800, but UTF-8 can't encode it.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def read_query(request: Request, fields: Mapping[str, Field]) -> Mapping[str, Any]:
    """The query's values by name; InvalidRequest lists each wrong or repeated one."""
    given = request.args.to_dict(flat=False)
    repeated = [
        FieldError(field=name, reason="given_twice")
        for name in fields
        if len(given.get(name, ())) > 1
    ]
    first = {name: texts[0] for name, texts in given.items()}
    return read_texts(fields, first, repeated)


def read_key(request: Request) -> str | None:
    """The Idempotency-Key, 1 to 255 printable characters; None without one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    shown = _as_utf8(key)
    if not (0 < len(shown) <= MAX_KEY_LENGTH and shown.isprintable()):
        raise InvalidRequest((FieldError(field="Idempotency-Key", reason="not_a_key"),))
    return key


def _as_utf8(header: str) -> str:
    """WSGI decodes headers as Latin-1, but programs such as curl send UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def json_response(
    body: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(
        as_json(body) + "\n",  # curl's output doesn't run into the shell's next prompt
        status=status,
        mimetype="application/json",
        headers=dict(headers or {}),
    )


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Duplicate keys are rejected because the intended value is ambiguous."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a duplicate key")
    return value


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
