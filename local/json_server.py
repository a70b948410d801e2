"""The smallest HTTP server that answers JSON on 127.0.0.1, for our own stand-ins."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    content: object
    status: int = 200


Routes = Mapping[tuple[str, str], Callable[[bytes], Reply]]


class JsonServer:
    """Serves while it is entered: (method, path) to what makes a reply of the body.

    `port` 0 takes a free one. Routes are called from several threads.
    """

    def __init__(self, routes: Routes, *, port: int = 0) -> None:
        handler = _handler(routes)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(routes: Routes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            route = routes.get((self.command, self.path), _not_found)
            reply = route(body)
            content = json.dumps(reply.content).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stays quiet: requests may carry credentials."""

    return Handler


def _not_found(_: bytes) -> Reply:
    return Reply(status=404, content={"error": "not_found"})
