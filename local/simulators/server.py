"""Knows the wire: a threaded HTTP/1.1 server that can also answer badly on purpose."""

import select
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast
from urllib.parse import parse_qsl, urlsplit

from local.simulators.control import PREFIX, control
from local.simulators.fault_kinds import Kind
from local.simulators.faults import Fault, FaultPlan
from local.simulators.messages import (
    Application,
    Delivery,
    Reply,
    Request,
    Route,
)
from local.simulators.submissions import SubmissionLog
from local.simulators.wire_faults import faulty_reply

_LARGEST_BODY_BYTES = 64 * 1024 * 1024
_STOP_SECONDS = 3.0


class SimulatorServer:
    """Serves one vendor on 127.0.0.1 until closed; port 0 takes a free one."""

    def __init__(
        self, application: Application, plan: FaultPlan, log: SubmissionLog, port: int
    ) -> None:
        self.application = application
        self.faults = plan
        self.submissions = log
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.simulator = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._http.hang_up()
        self.application.close()
        self._thread.join(_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def reply(self, request: Request, route: Route, fault: Fault | None) -> Reply:
        if fault is None:
            return route.answer(request, None)
        return faulty_reply(self.application, route, request, fault)


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that none outlives it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    simulator: SimulatorServer

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]
    ) -> None:
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, handler)

    def process_request(self, request: object, client_address: object) -> None:
        with self._changed:
            self._open.add(cast(socket.socket, request))
        super().process_request(cast(socket.socket, request), client_address)

    def shutdown_request(self, request: object) -> None:
        super().shutdown_request(cast(socket.socket, request))
        with self._changed:
            self._open.discard(cast(socket.socket, request))
            self._changed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what the tests are about; the rest is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(cast(socket.socket, request), client_address)

    def hang_up(self) -> None:
        with self._changed:
            for connection in self._open:
                with suppress(OSError):  # gone by itself
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _STOP_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True  # the client gave up first

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a prompt or a key could be in a path."""

    def do_GET(self) -> None:
        simulator = cast(_Server, self.server).simulator
        head = self._head()
        if head.path.startswith(PREFIX):
            whole = self._with_body(head)
            self._send(control(whole, simulator.faults, simulator.submissions))
            return
        route = simulator.application.route(head)
        simulator.submissions.count(route.provider, head.method, route.name)
        fault = None
        if route.provider and route.place:
            fault = simulator.faults.take(route.provider, route.place)
        if fault and fault.kind is Kind.DROP_BEFORE:
            self.close_connection = True
            return
        self._send(simulator.reply(self._with_body(head), route, fault))

    do_POST = do_GET  # noqa: N815 - the names http.server looks for
    do_DELETE = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def _head(self) -> Request:
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): text for name, text in self.headers.items()},
            address=f"http://{self.headers.get('host', '127.0.0.1')}",
        )

    def _with_body(self, head: Request) -> Request:
        told = head.headers.get("content-length", "0")
        length = int(told) if told.isdigit() else 0
        if length > _LARGEST_BODY_BYTES or not told.isdigit():
            self.close_connection = True  # what follows can't be told from a request
            length = 0
        return replace(head, body=self.rfile.read(length))

    def _send(self, reply: Reply) -> None:
        simulator = cast(_Server, self.server).simulator
        if reply.delay_seconds:
            _wait_for_hang_up(self.connection, reply.delay_seconds)
        if _has_hung_up(self.connection):
            self.close_connection = True
            return
        match reply.delivery:
            case Delivery.NOTHING_CLOSE:
                self.close_connection = True
            case Delivery.NOTHING_HOLD:
                self._hold()
            case Delivery.HALF_THEN_CLOSE:
                self._write(reply, len(reply.body) // 2)
                self.close_connection = True
            case Delivery.HALF_THEN_HOLD:
                self._write(reply, len(reply.body) // 2)
                self._hold()
            case Delivery.WHOLE:
                self._write(reply, len(reply.body))
                if reply.accepted:
                    simulator.submissions.mark_answered(reply.accepted)

    def _write(self, reply: Reply, byte_count: int) -> None:
        self.send_response(reply.status)
        for name, text in reply.headers.items():
            self.send_header(name, text)
        length = reply.declared_length
        if reply.status != 204 and "content-length" not in reply.headers:
            told = len(reply.body) if length is None else length
            self.send_header("content-length", str(told))
        if length is not None:
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[:byte_count])
        self.wfile.flush()

    def _hold(self) -> None:
        """Keeps the client waiting until it gives up or the server ends."""
        self.close_connection = True
        _wait_for_hang_up(self.connection, None)


def _has_hung_up(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


def _wait_for_hang_up(connection: socket.socket, seconds: float | None) -> None:
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        left = 1.0 if end is None else max(0.0, end - time.monotonic())
        readable, _, _ = select.select([connection], [], [], left)
        if readable:
            # More than silence: the client closed, or it sent on, which nobody reads.
            if connection.recv(1, socket.MSG_PEEK) == b"":
                return
            time.sleep(min(left, 0.05))
