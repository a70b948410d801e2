"""A web server on 127.0.0.1 that sends bytes as they are, and records requests."""

import json
import select
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request; `headers` by their names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None


class RawServer(ThreadingHTTPServer):
    """Serves within its `with` block.

    After it, `received` has all requests, also those of clients that stopped waiting.
    """

    daemon_threads = False  # closing waits for them

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        self.received: list[Received] = []
        self.accepted: list[socket.socket] = []
        self.server_names: list[str | None] = []
        self.released = threading.Event()
        if tls:
            tls.sni_callback = lambda _, name, __: self.server_names.append(name)
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def respond(self, request: Received) -> Iterable[bytes]:
        """The bytes to send. `released` is set when the block ends."""
        raise NotImplementedError

    def reads(self) -> bool:
        """Whether a new connection is read from, and not closed at once."""
        return True

    def keeps(self) -> bool:
        """Whether the connection stays open after an answer."""
        return False

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.received]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.accepted.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join()
        while select.select([self.socket], [], [], 0)[0]:
            self.handle_request()
        for connection in self.accepted:
            with suppress(OSError):  # it is closed
                socket.socket.shutdown(connection, socket.SHUT_RD)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RawServer

    def handle(self) -> None:
        if self.server.reads():
            super().handle()

    def _any(self) -> None:
        received = Received(
            method=self.command,
            path=self.path,
            headers={k.lower(): v for k, v in self.headers.items()},
            content=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        self.server.received.append(received)
        for piece in self.server.respond(received):
            self.wfile.write(piece)
        self.close_connection = not self.server.keeps()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any  # noqa: N815 - http.server calls these

    def finish(self) -> None:
        super().finish()
        if isinstance(self.connection, ssl.SSLSocket):
            # Close TLS without waiting for the client to.
            self.connection.settimeout(0.5)
            self.connection.unwrap()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: it would go to the tests' terminal."""
