"""Turns a vendor's response into what a client gets of it under a fault."""

import json
import socket
from collections.abc import Callable

from werkzeug import Request, Response

from local.fault_kinds import BAD_TRANSLATIONS, PROXY, RENDERED, Kind, Place
from local.faults import Fault
from local.http_server import connection_of, drop, half_of, hold, wait_for_hang_up

_GARBAGE = bytes(range(256)) * 64
_HTML = b"<!doctype html><html><title>Error</title><h1>Please try again</h1>"
_PROXY_TEXT = {
    408: "Request Timeout",
    409: "Conflict",
    425: "Too Early",
    499: "client disconnected",
    502: "Bad Gateway",
    503: "upstream connect error or disconnect/reset before headers. reset reason: "
    "connection termination",
    504: "upstream request timeout",
}


def faulty(
    response: Response,
    fault: Fault,
    request: Request,
    error: Callable[[Kind], Response],
) -> Response:
    """`response` under `fault`. Raises ConnectionAbortedError to send none."""
    connection = connection_of(request)
    match fault.kind:
        case kind if fault.place is Place.TRANSLATE and kind in BAD_TRANSLATIONS:
            return response
        case kind if kind in PROXY:
            return _proxy_response(int(kind[6:9]), is_html=kind.endswith("-html"))
        case Kind.READ_TIMEOUT | Kind.SILENT:
            hold(connection)
        case Kind.DROP_AFTER:
            drop(connection)
        case Kind.LATE:
            wait_for_hang_up(connection, fault.seconds)
            return response
        case Kind.NO_ID:
            value = json.loads(response.get_data())
            rest = {k: value[k] for k in value if k not in ("id", "name")}
            return Response(json.dumps(rest), mimetype="application/json")
        case kind if kind.endswith("html"):
            status = 200 if kind is Kind.HTML else int(kind[:3])
            return Response(_HTML, status=status, mimetype="text/html")
        case kind if fault.place is Place.FETCH and not kind[:3].isdigit():
            return _spoiled_file(response, kind, connection)
    return error(fault.kind)


def _proxy_response(status: int, *, is_html: bool) -> Response:
    text = _PROXY_TEXT[status]
    if not is_html:
        return Response(text, status=status, mimetype="text/plain")
    page = f"<html><head><title>{status} {text}</title></head><body></body></html>"
    return Response(page, status=status, mimetype="text/html")


def _spoiled_file(
    response: Response, kind: Kind, connection: socket.socket
) -> Response:
    whole = response.get_data()
    match kind:
        case Kind.TRUNCATED | Kind.STALLED:
            end = drop if kind is Kind.TRUNCATED else hold
            return half_of(response, lambda: end(connection))
        case Kind.WRONG_LENGTH:
            response.response = iter([whole])
            response.content_length = len(whole) // 2
        case kind if kind not in RENDERED:  # those are rendered already
            response.set_data(spoiled_object(whole, kind) or b"")
    return response


def spoiled_object(video: bytes, kind: Kind) -> bytes | None:
    """The file in a bucket, or inline in a response, under a fault; None: no file."""
    match kind:
        case Kind.TRUNCATED | Kind.STALLED | Kind.WRONG_LENGTH | Kind.HALF_FILM:
            return video[: len(video) // 2]
        case Kind.EMPTY:
            return b""
        case Kind.GARBAGE:
            return _GARBAGE
        case Kind.HTML:
            return _HTML
        case kind if kind in RENDERED:
            return video
        case _:
            return None
