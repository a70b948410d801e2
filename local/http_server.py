"""The HTTP server of the local stack's own services, on werkzeug."""

import json
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any, NoReturn, Self, cast

from werkzeug import Request, Response
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from local.guard import refusal

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
View = Callable[[Request], Response]
ConnectionHandler = Callable[[socket.socket], bool]
Routes = Mapping[tuple[str, str], View]
_CLOSING = "reelay.closing"


class HttpServer:
    """Serves `app` on 127.0.0.1 within its `with` block; port 0 takes a free one.

    Foreign hosts get 403, and so do writes from pages of origins other than `origins`.
    Each request has its own thread and connection. Raises OSError if the port is taken.
    `on_connection` gets each connection first, and returns whether it served it.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        port: int = 0,
        origins: Collection[str] = (),
        on_connection: ConnectionHandler | None = None,
    ) -> None:
        self._server = _server(_closed_by_handler(guarded(app, origins)), port)
        self._server.on_connection = on_connection
        self.port = self._server.port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()


def guarded(
    app: WsgiApp,
    origins: Collection[str],
    on_refusal: Callable[[dict[str, Any]], object] = lambda _: None,
) -> WsgiApp:
    """`app` behind the guard. `on_refusal` is called after each refused request."""

    def checked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if reason := refusal(environ, origins):
            response = Response(f"{reason}\n", status=403)
            response.call_on_close(lambda: on_refusal(environ))
            return response(environ, start_response)
        return app(environ, start_response)

    return checked


def _closed_by_handler(app: WsgiApp) -> WsgiApp:
    """`app`, with responses that are closed even if the client resets its connection.

    werkzeug leaves those to the garbage collector, with their files and sockets.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response: Any = app(environ, start_response)
        environ[_CLOSING].callback(response.close)
        return (piece for piece in response)

    return answer


def _server(app: WsgiApp, port: int) -> "_Server":
    # werkzeug would exit the process if the port is taken, so the socket is bound here.
    with socket.create_server(("127.0.0.1", port), backlog=256) as listener:
        return _Server("127.0.0.1", port, app, _Handler, fd=listener.fileno())


class _Server(ThreadedWSGIServer):
    on_connection: ConnectionHandler | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        with suppress(ConnectionError):
            if self.on_connection is None or not self.on_connection(request):
                super().finish_request(request, client_address)


class _Handler(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        with ExitStack() as self._closing:
            super().run_wsgi()

    def make_environ(self) -> dict[str, Any]:
        return super().make_environ() | {_CLOSING: self._closing}

    def connection_dropped(
        self, error: BaseException, environ: dict[str, Any] | None = None
    ) -> None:
        """The client went away, or an app raised ConnectionError to hang up on it."""
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: a URL may carry a signature."""


def application(view: View) -> WsgiApp:
    """A WSGI app that answers every request with `view`."""
    return cast(WsgiApp, Request.application(view))


def routed(routes: Routes) -> WsgiApp:
    """A WSGI app with a view by (method, path); 404 elsewhere."""

    def dispatch(request: Request) -> Response:
        view = routes.get((request.method, request.path))
        return view(request) if view else as_json({"error": "not_found"}, status=404)

    return application(dispatch)


def as_json(content: object, *, status: int = 200) -> Response:
    text = json.dumps(content, default=str)
    return Response(f"{text}\n", status=status, mimetype="application/json")


def connection_of(request: Request) -> socket.socket:
    """The socket of the request, for responses that break the connection."""
    return cast(socket.socket, request.environ["werkzeug.socket"])


def wait_for_hang_up(connection: socket.socket, seconds: float) -> None:
    """Keep the client waiting until it hangs up, for `seconds` at most."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        readable, _, _ = select.select([connection], [], [], min(left, 1.0))
        if readable and connection.recv(1, socket.MSG_PEEK) == b"":
            return


def hold(connection: socket.socket) -> NoReturn:
    """Never answer."""
    wait_for_hang_up(connection, float("inf"))
    drop(connection)


def drop(connection: socket.socket) -> NoReturn:
    """Close the connection without (the rest of) a response."""
    with suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def half_of(response: Response, end: Callable[[], NoReturn]) -> Response:
    """`response` with the first half of the bytes it announces, followed by `end`."""
    whole = response.get_data()

    def half() -> Iterator[bytes]:
        yield whole[: len(whole) // 2]
        end()

    response.response = half()
    response.content_length = len(whole)
    return response


def run_until_signal(announcement: Mapping[str, object]) -> None:
    """Print the JSON line of a server that is ready; return on SIGTERM or SIGINT."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    print(json.dumps({"ready": True, **announcement}), flush=True)
    stopped.wait()
