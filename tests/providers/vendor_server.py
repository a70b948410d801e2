"""A vendor on 127.0.0.1 with scripted answers, which records requests."""

import gzip
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Nothing listens on port 1.
CLOSED_PORT_URL = "http://127.0.0.1:1"


class Conduct(StrEnum):
    ANSWER = "answer"
    HANG = "hang"
    DROP_UNREAD = "drop_unread"
    DROP_READ = "drop_read"
    FLOOD = "flood"
    DRIP_HEAD = "drip_head"
    DRIP_BODY = "drip_body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to every request; a `body` that isn't a str is sent as JSON."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    conduct: Conduct = Conduct.ANSWER

    def content(self) -> bytes:
        if self.body is None:
            return b""
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        packed = self.headers.get("Content-Encoding") == "gzip"
        return gzip.compress(text.encode()) if packed else text.encode()

    def content_type(self) -> str:
        return "text/html" if isinstance(self.body, str) else "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: object


class VendorServer(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for them

    def __init__(self, reply: Reply) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.received: list[Received] = []
        self.accepted: list[socket.socket] = []
        self.while_dripping: Callable[[], None] = lambda: None
        self.released = threading.Event()

    @property
    def url(self) -> str:
        scheme = "https" if isinstance(self.socket, ssl.SSLSocket) else "http"
        return f"{scheme}://127.0.0.1:{self.server_port}"

    @property
    def connections(self) -> int:
        return len(self.accepted)

    def posts(self) -> list[Received]:
        return [each for each in self.received if each.method == "POST"]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.accepted.append(request)
        super().process_request(request, client_address)

    def finish(self) -> None:
        """Receive what clients that have stopped waiting sent, and nothing more."""
        self.released.set()
        while select.select([self.socket], [], [], 0)[0]:
            self.handle_request()
        for connection in self.accepted:
            with suppress(OSError):  # it is closed
                socket.socket.shutdown(connection, socket.SHUT_RD)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: VendorServer

    def handle(self) -> None:
        if self.server.reply.conduct is Conduct.DROP_UNREAD:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        super().handle()

    def _any(self) -> None:
        self.server.received.append(self._read())
        match self.server.reply.conduct:
            case Conduct.HANG:
                self.server.released.wait()
                self.close_connection = True
            case Conduct.DROP_READ:
                self.close_connection = True
            case Conduct.FLOOD:
                self._flood()
            case Conduct.DRIP_HEAD | Conduct.DRIP_BODY as conduct:
                self._drip(self.server.reply, conduct)
            case _:
                self._answer(self.server.reply)

    do_POST = do_GET = do_DELETE = _any  # noqa: N815 - http.server calls these

    def _read(self) -> Received:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return Received(
            method=self.command,
            path=self.path,
            headers={k.lower(): v for k, v in self.headers.items()},
            body=json.loads(raw) if raw else None,
        )

    def _answer(self, reply: Reply) -> None:
        content = reply.content()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type())
        if reply.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _flood(self) -> None:
        """Send JSON without end, until the client hangs up."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"id": "x", "name": "')
        while True:
            self.wfile.write(b"x" * 65536)

    def _drip(self, reply: Reply, conduct: Conduct) -> None:
        """Send some bytes, then the rest, unless the client hangs up in between."""
        content = reply.content()
        head = f"HTTP/1.1 {reply.status} OK\r\nContent-Length: {len(content)}\r\n\r\n"
        answer = head.encode() + content
        at = 20 if conduct is Conduct.DRIP_HEAD else len(head) + 1
        self.wfile.write(answer[:at])
        self.server.while_dripping()
        self.connection.settimeout(0.3)
        with suppress(TimeoutError):
            if not self.connection.recv(1):
                return
        self.wfile.write(answer[at:])

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: it would go to the tests' terminal."""


@contextmanager
def vendor(reply: Reply, tls: ssl.SSLContext | None = None) -> Iterator[VendorServer]:
    """After the block, `received` has all requests, however slowly it serves them."""
    with VendorServer(reply) as server:
        if tls:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            server.finish()
