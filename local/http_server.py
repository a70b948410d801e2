"""The HTTP server of everything that the local stack serves itself, on werkzeug."""

import json
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NoReturn, Self, cast

from werkzeug import Request, Response
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from local.guard import refusal

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
View = Callable[[Request], Response]
First = Callable[[socket.socket], bool]
Routes = Mapping[tuple[str, str], View]


class HttpServer:
    """Serves `app` on 127.0.0.1 while it is entered; port 0 takes a free one.

    Foreign hosts get 403, and so do writes from pages of other origins than `origins`.
    Each request has a thread and a connection of its own. OSError for a taken port.
    `first` is offered each connection, and returns True where it has served it.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        port: int = 0,
        origins: Collection[str] = (),
        first: First | None = None,
    ) -> None:
        self._server = _server(guarded(app, origins), port)
        self._server.first = first
        self.port = self._server.port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()


def guarded(app: WsgiApp, origins: Collection[str]) -> WsgiApp:
    def checked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if reason := refusal(environ, origins):
            return Response(f"{reason}\n", status=403)(environ, start_response)
        return app(environ, start_response)

    return checked


def _server(app: WsgiApp, port: int) -> "_Server":
    # werkzeug would end the process over a taken port, so the socket is bound here.
    with socket.create_server(("127.0.0.1", port), backlog=256) as listener:
        return _Server("127.0.0.1", port, app, _Handler, fd=listener.fileno())


class _Server(ThreadedWSGIServer):
    first: First | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        with suppress(ConnectionError):
            if self.first is None or not self.first(request):
                super().finish_request(request, client_address)


class _Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def connection_dropped(
        self, error: BaseException, environ: dict[str, Any] | None = None
    ) -> None:
        """The client went away, or an app raised ConnectionError to hang up on it."""
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: a URL may carry a signature."""


def routed(routes: Routes) -> WsgiApp:
    """An app of (method, path) to what answers there; 404 elsewhere."""

    @Request.application
    def app(request: Request) -> Response:
        view = routes.get((request.method, request.path))
        return view(request) if view else as_json({"error": "not_found"}, status=404)

    return cast(WsgiApp, app)


def as_json(content: object, *, status: int = 200) -> Response:
    text = json.dumps(content, default=str)
    return Response(f"{text}\n", status=status, mimetype="application/json")


def connection_of(request: Request) -> socket.socket:
    """The socket that the request came by, for answers that break it."""
    return cast(socket.socket, request.environ["werkzeug.socket"])


def has_hung_up(connection: socket.socket, *, within_seconds: float = 0) -> bool:
    """Whether the client closed its end. What it sent beyond its request is left."""
    readable, _, _ = select.select([connection], [], [], within_seconds)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


def wait_for_hang_up(connection: socket.socket, seconds: float) -> None:
    """Keeps the client waiting, at most until it gives up or the server ends."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if has_hung_up(connection, within_seconds=min(left, 1.0)):
            return


def hold(connection: socket.socket) -> NoReturn:
    """Never answers."""
    wait_for_hang_up(connection, float("inf"))
    drop(connection)


def drop(connection: socket.socket) -> NoReturn:
    """Ends the connection without (the rest of) an answer."""
    with suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def half_of(response: Response, end: Callable[[], NoReturn]) -> Response:
    """The first half of the bytes that are announced, and then `end`."""
    whole = response.get_data()

    def half() -> Iterator[bytes]:
        yield whole[: len(whole) // 2]
        end()

    response.response = half()
    response.content_length = len(whole)
    return response


def run_until_signal(announcement: Mapping[str, object]) -> None:
    """Print the one JSON line of a server that is ready; return on SIGTERM, SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    print(json.dumps({"ready": True, **announcement}), flush=True)
    stopped.wait()
