"""Stands before the Firestore emulator, which takes every web page for its owner.

The emulator allows all origins, and takes `Bearer owner` not only in a header but also
in the form of a WebChannel, which needs no preflight. So nothing of a page's request is
believed but what its browser adds: `Origin` and `Sec-Fetch-Site`.
"""

import http.client
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import cast

from werkzeug import Request, Response

from local.guard import may_use
from local.http_server import HttpServer, WsgiApp

_PRIOR_KNOWLEDGE = b"PRI * HTTP/2.0\r\n"
_CHANNEL = "/channel"
_PIECE_BYTES = 64 * 1024
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "host")
_REFUSED = "This page may not use the Firestore emulator.\n"


def firestore_guard(
    emulator: str, *, origins: Collection[str], port: int = 0
) -> HttpServer:
    """`emulator` is host:port. Pages of `origins` may use it, and so may programs.

    gRPC is HTTP/2 without TLS or an upgrade, which no browser speaks: it is passed on.
    """

    @Request.application
    def app(request: Request) -> Response:
        if not _may_pass(request, origins):
            return Response(_REFUSED, status=403)
        return _forwarded(request, emulator)

    return HttpServer(
        cast(WsgiApp, app),
        port=port,
        origins=origins,
        first=lambda connection: _spoke_grpc(connection, emulator),
    )


def _may_pass(request: Request, origins: Collection[str]) -> bool:
    """Pages of other origins may not, nor what can only come from a page."""
    is_nobodys_channel = (
        request.path.endswith(_CHANNEL) and "origin" not in request.headers
    )
    return may_use(request.environ, origins) and not is_nobodys_channel


def _forwarded(request: Request, emulator: str) -> Response:
    upstream = http.client.HTTPConnection(emulator)
    headers = {k: v for k, v in request.headers if k.lower() not in _HOP_BY_HOP}
    body = request.get_data() or None
    upstream.request(request.method, request.environ["RAW_URI"], body, headers)
    answer = upstream.getresponse()

    def pieces() -> Iterator[bytes]:
        # As they come: a WebChannel streams for as long as the page listens.
        try:
            while piece := answer.read1(_PIECE_BYTES):
                yield piece
        except (http.client.HTTPException, OSError) as error:
            raise ConnectionAbortedError from error  # as the emulator did

    kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP]
    response = Response(pieces(), answer.status, kept)
    response.call_on_close(answer.close)
    response.call_on_close(upstream.close)
    return response


def _spoke_grpc(connection: socket.socket, emulator: str) -> bool:
    """Carries the connection to the emulator and back, if it is gRPC's."""
    size = len(_PRIOR_KNOWLEDGE)
    start = connection.recv(size, socket.MSG_PEEK | socket.MSG_WAITALL)
    if start != _PRIOR_KNOWLEDGE:
        return False
    host, _, port = emulator.partition(":")
    with socket.create_connection((host, int(port))) as upstream:
        back = threading.Thread(target=_carry, args=(upstream, connection), daemon=True)
        back.start()
        _carry(connection, upstream)
        back.join()
    return True


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            target.sendall(piece)
    for each in (source, target):
        with suppress(OSError):  # it was closed from the other side
            each.shutdown(socket.SHUT_RDWR)
