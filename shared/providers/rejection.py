"""Decides whether a response to a paid POST proves that the vendor rejected the job.

The proof has two parts: a status that the vendor documents for it, and a body that is
the vendor's own error JSON. Anything else may come from a proxy although the vendor has
accepted the job, so the outcome is unknown.
"""

import json
from collections.abc import Callable, Mapping

from msgspec import Struct

from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Rejected, Unknown
from shared.providers.redaction import redact, without_secrets
from shared.retry_after import retry_after_seconds


class HttpResponse(Struct, frozen=True, kw_only=True):
    """An HTTP response. `body` is parsed JSON, or text if it isn't JSON."""

    status: int
    body: object
    headers: Mapping[str, str]


def parsed(content: bytes) -> object:
    """A response's `body`."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


class Interpretation(Struct, frozen=True, kw_only=True):
    """What a vendor's error says beyond its status.

    `presumed_wait_seconds` applies if the vendor names no time itself.
    """

    code: ErrorCode | None = None
    retry_after_seconds: float | None = None
    presumed_wait_seconds: float | None = None
    ask_again: bool = False


class VendorErrors(Struct, frozen=True, kw_only=True):
    """How to read one vendor's errors.

    `codes`: the documented statuses of a rejection. `message_of(status, body)` returns
    the message in the vendor's own error JSON, or None for any other body.
    `interpret` gets the status, that message without the prompt, and the body.
    """

    codes: Mapping[int, ErrorCode]
    message_of: Callable[[int, object], str | None]
    interpret: Callable[[int, str, object], Interpretation]


def outcome_of_error(
    response: HttpResponse, vendor: VendorErrors, *secrets: str
) -> Rejected | Unknown:
    """The outcome that a response with any status but 2xx proves."""
    message = vendor.message_of(response.status, response.body)
    if response.status not in vendor.codes or message is None:
        return Unknown(
            detail=redact(f"HTTP {response.status}: {response.body}", *secrets)
        )
    error = vendor.interpret(
        response.status, without_secrets(message, *secrets), response.body
    )
    waits = (
        error.retry_after_seconds,
        retry_after_seconds(response.headers.get("retry-after")),
    )
    return Rejected(
        problem=Problem(
            code=error.code or vendor.codes[response.status],
            detail=redact(message, *secrets),
        ),
        retry_after_seconds=max(
            (w for w in waits if w is not None), default=error.presumed_wait_seconds
        ),
        ask_again=error.ask_again,
    )


def says_gone(response: HttpResponse, vendor: VendorErrors) -> bool:
    """Whether the vendor itself says that the requested resource does not exist."""
    own_message = vendor.message_of(response.status, response.body)
    return response.status in (404, 410) and own_message is not None
