"""A proxy before the Firestore emulator, which would let any web page act as its owner.

The emulator allows all origins, and accepts `Bearer owner` not only in a header but
also in a WebChannel's form body, which needs no preflight. So the guard trusts only
what the browser adds to a request: `Origin` and `Sec-Fetch-Site`.
"""

import http.client
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress

from werkzeug import Request, Response

from local.guard import may_use
from local.http_server import HttpServer, application

_PRIOR_KNOWLEDGE = b"PRI * HTTP/2.0\r\n"
_CHANNEL = "/channel"
_PIECE_BYTES = 64 * 1024
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "host")
_REFUSED = "Only pages of ALLOWED_ORIGINS may use the Firestore emulator.\n"


def firestore_guard(
    emulator: str, *, origins: Collection[str], port: int = 0
) -> HttpServer:
    """`emulator`: host:port. Pages of `origins` may use it, and so may programs.

    gRPC is passed on: it is HTTP/2 without TLS or an upgrade, which no browser speaks.
    """

    def view(request: Request) -> Response:
        if not _may_pass(request, origins):
            return Response(_REFUSED, status=403)
        return _forward(request, emulator)

    return HttpServer(
        application(view),
        port=port,
        origins=origins,
        on_connection=lambda connection: _tunnelled_grpc(connection, emulator),
    )


def _may_pass(request: Request, origins: Collection[str]) -> bool:
    """Whether it is not from a foreign page, and no WebChannel without `Origin`."""
    is_anonymous_channel = (
        request.path.endswith(_CHANNEL) and "origin" not in request.headers
    )
    return may_use(request.environ, origins) and not is_anonymous_channel


def _forward(request: Request, emulator: str) -> Response:
    upstream = http.client.HTTPConnection(emulator)
    headers = {k: v for k, v in request.headers if k.lower() not in _HOP_BY_HOP}
    body = request.get_data() or None
    upstream.request(request.method, request.environ["RAW_URI"], body, headers)
    received = upstream.getresponse()

    def pieces() -> Iterator[bytes]:
        # Passed on as they arrive: a WebChannel streams while the page listens.
        try:
            while piece := received.read1(_PIECE_BYTES):
                yield piece
        except (http.client.HTTPException, OSError) as error:
            raise ConnectionAbortedError from error  # as the emulator did

    kept = [(k, v) for k, v in received.getheaders() if k.lower() not in _HOP_BY_HOP]
    response = Response(pieces(), received.status, kept)
    response.call_on_close(received.close)
    response.call_on_close(upstream.close)
    return response


def _tunnelled_grpc(connection: socket.socket, emulator: str) -> bool:
    """Tunnel the connection to the emulator if it is gRPC; return whether it was."""
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
