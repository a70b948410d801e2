"""Connections to an IP address that was checked, for one host, with a deadline."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from http.client import HTTPConnection
from typing import Final, TypeVar

from msgspec import Struct

from shared.cutoff import Cutoff
from shared.domain.errors import Unreachable
from shared.gcp.web_address import DEFAULT_PORTS, WebAddress

Dial = Callable[[tuple[str, int], float], socket.socket]
T = TypeVar("T")

_MOST_IPS_TRIED: Final = 3


class Deadline(Cutoff):
    """Ends a download when its time is up, even in the middle of a wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._ends_at = time.monotonic() + seconds

    def check(self) -> None:
        self.left_seconds()

    def left_seconds(self) -> float:
        """Always more than 0: Unreachable if no time is left."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise Unreachable("the download took too long")
        return left

    def within(self, ask: Callable[[], T]) -> T:
        """The result of `ask`, or TimeoutError. A call that is late is abandoned."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(ask())
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                answer.set_exception(error)

        # Not an executor's thread, which the process would wait for when it exits.
        threading.Thread(target=run, daemon=True).start()
        return answer.result(self.left_seconds())


class Connector(Struct, frozen=True, kw_only=True):
    """Connects to IP addresses that were checked before.

    Host, SNI and the certificate are for the host name; nothing is resolved here.
    """

    tls: ssl.SSLContext
    dial: Dial
    connect_seconds: float
    read_seconds: float

    def connect(
        self, address: WebAddress, ips: Sequence[str], deadline: Deadline
    ) -> HTTPConnection:
        """To the first of `ips` that answers. OSError if none of three does."""
        errors = []
        for ip in ips[:_MOST_IPS_TRIED]:
            try:
                return self._connect_to(ip, address, deadline)
            except OSError as error:
                errors.append(error)
        raise errors[-1]

    def _connect_to(
        self, ip: str, address: WebAddress, deadline: Deadline
    ) -> HTTPConnection:
        connection = HTTPConnection(address.host, address.port)
        # So that the Host header omits the default port for https too.
        connection.default_port = DEFAULT_PORTS[address.scheme]
        # Reconnecting would resolve the name again.
        connection.auto_open = 0
        seconds = min(self.connect_seconds, deadline.left_seconds())
        connection.sock = self.dial((ip, address.port), seconds)
        try:
            if address.scheme == "https":
                connection.sock = self._wrapped(connection.sock, address.host)
            deadline.watch(connection.sock)
            if isinstance(connection.sock, ssl.SSLSocket):
                connection.sock.do_handshake()
            connection.sock.settimeout(self.read_seconds)
        except BaseException:
            connection.close()
            raise
        return connection

    def _wrapped(self, plain: socket.socket, host: str) -> ssl.SSLSocket:
        return self.tls.wrap_socket(
            plain,
            server_hostname=host.removesuffix("."),
            do_handshake_on_connect=False,
            # An end without close_notify may be a truncation.
            suppress_ragged_eofs=False,
        )
