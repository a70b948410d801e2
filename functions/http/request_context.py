"""Handles a request: its ID and trace are in every line that is logged meanwhile."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from flask import Request, Response
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.datastructures import Headers

from shared import tracing
from shared.request_time import limited_to

log = structlog.get_logger()

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_CLOUD_TRACE = re.compile(r"([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=[0-9])?")
_FOREIGN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


def serve(
    request: Request,
    project: str,
    seconds: float,
    respond: Callable[[], Response],
    *,
    is_private: bool = False,
) -> Response:
    """What `respond` returns within `seconds`, with the request's ID; logs it.

    `is_private`: strangers can't call this function.
    """
    began = time.monotonic()
    with request_context(request, project, is_private=is_private) as request_id:
        with limited_to(seconds):
            response = respond()
        response.headers.add("X-Request-Id", request_id)
        log.info(
            "request_served",
            method=request.method[:16],
            status=response.status_code,
            duration_ms=round((time.monotonic() - began) * 1000),
        )
    return response


@contextmanager
def request_context(
    request: Request, project: str, *, is_private: bool
) -> Iterator[str]:
    """Yields the request's ID, which is always our own.

    An ID that the caller sent is only logged, if it is well-formed. `is_private`:
    strangers can't call this function.
    """
    clear_contextvars()
    request_id = secrets.token_hex(16)
    is_task = is_private and "X-CloudTasks-TaskName" in request.headers
    name = "task" if is_task else "request"
    with tracing.root(name, request.headers, is_private=is_private):
        own = tracing.current()
        headers = Headers({"traceparent": own}) if own else request.headers
        fields = _trace(headers, project)
        bind_contextvars(request_id=request_id, **fields)
        sent = request.headers.get("X-Request-Id", "")
        if _FOREIGN_ID.fullmatch(sent):
            bind_contextvars(sent_request_id=sent)
        try:
            yield request_id
        finally:
            clear_contextvars()


def _trace(headers: Headers, project: str) -> dict[str, str]:
    """The trace in Cloud Logging's fields, from W3C's header or Google's older one."""
    found = _traceparent(headers) or _cloud_trace(headers)
    if found is None or not project:
        return {}
    trace_id, span_id = found
    fields = {"logging.googleapis.com/trace": f"projects/{project}/traces/{trace_id}"}
    if span_id != _NO_SPAN:
        fields["logging.googleapis.com/spanId"] = span_id
    return fields


def _traceparent(headers: Headers) -> tuple[str, str] | None:
    match = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if match is None or match[1] == _NO_TRACE:
        return None
    return match[1], match[2]


def _cloud_trace(headers: Headers) -> tuple[str, str] | None:
    """TRACE_ID/SPAN_ID;o=1. The span is decimal here, but hexadecimal in the log."""
    match = _CLOUD_TRACE.fullmatch(headers.get("X-Cloud-Trace-Context", ""))
    if match is None or match[1] == _NO_TRACE:
        return None
    span = int(match[2] or 0)
    return match[1].lower(), f"{span:016x}" if span < 2**64 else _NO_SPAN
