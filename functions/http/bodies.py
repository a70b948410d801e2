"""The bodies of requests and answers: JSON objects in, JSON out."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import HTTPException

from functions.http.receiving import (
    DRAIN,
    LARGEST_BODY_BYTES,
    LARGEST_REQUEST_BYTES,
    ReadTimeout,
    patience,
    stop_listening,
)
from shared.domain.errors import (
    FieldError,
    InvalidRequest,
    Malformed,
    TooLarge,
    UnsupportedMedia,
)
from shared.domain.fields import Field, read_fields, read_texts
from shared.domain.projection import moment

_MOST_DISCARDED_BYTES = 32 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
# The longest that we take has a thousand commas; a body of nothing else takes thirty
# times its size once it is parsed.
MOST_VALUES = 10_000
LONGEST_KEY = 255


def bound_body(request: Request) -> None:
    """TooLarge before a byte is read; what says no length is cut off while read."""
    if (request.content_length or 0) > LARGEST_REQUEST_BYTES:
        raise TooLarge
    request.max_content_length = LARGEST_REQUEST_BYTES


def discard_body(request: Request, limit: ReadTimeout = DRAIN) -> None:
    """Read what is left in pieces: a client that is still sending misses the answer.

    The framework would do the same after us, whole into memory and without an end.
    """
    request.max_content_length = None
    left = _MOST_DISCARDED_BYTES
    try:
        with patience(request, limit):
            while left > 0 and (piece := request.stream.read(_PIECE_BYTES)):
                left -= len(piece)
    except (HTTPException, OSError):
        stop_listening(request)
    request.stream = BytesIO()


def read_object(
    request: Request, *, most_bytes: int = LARGEST_BODY_BYTES
) -> Mapping[str, Any]:
    """The body, where it is one JSON object; TooLarge, UnsupportedMedia, Malformed."""
    if request.mimetype != "application/json":
        raise UnsupportedMedia(request.mimetype)
    body = _read(request, most_bytes)
    try:
        value = _parsed(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from error
    if not isinstance(value, dict):
        raise Malformed(type(value).__name__)
    return value


def _read(request: Request, most_bytes: int) -> bytearray:
    body = bytearray()
    try:
        while piece := request.stream.read(_PIECE_BYTES):
            body += piece
            if len(body) > most_bytes:
                raise TooLarge
    except OSError as error:
        raise Malformed("cut off") from error
    return body


def _parsed(body: bytearray) -> object:
    """ValueError for what is no JSON, or more of it than anybody needs to send."""
    if sum(body.count(mark) for mark in b"{[,") > MOST_VALUES:
        raise ValueError("too many values")
    value = json.loads(body.decode(), parse_constant=_refuse, object_pairs_hook=_object)
    if b"\\ud" in body or b"\\uD" in body:
        # A lone surrogate can be written as \\ud800, and in no answer of ours.
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


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name that stands twice nobody can say which value was meant."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name stands twice")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
