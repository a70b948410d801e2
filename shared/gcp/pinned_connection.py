"""Connects to a host at an IP address that was checked before, with a deadline."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from http.client import HTTPConnection
from typing import Final, TypeVar

from shared.cutoff import Cutoff
from shared.domain.errors import Unreachable
from shared.gcp.web_address import DEFAULT_PORTS, WebAddress

T = TypeVar("T")

# The longest wait for a connection, for its TLS handshake, and for each read from it.
SOCKET_SECONDS: Final = 10.0
_MAX_IPS_TRIED: Final = 3


class Deadline(Cutoff):
    """Ends a call when its time is up, even while a read blocks."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._ends_at = time.monotonic() + seconds

    def check(self) -> None:
        """Unreachable if no time is left."""
        self.left_seconds()

    def left_seconds(self) -> float:
        """Always more than 0: Unreachable if no time is left."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise Unreachable("the download took too long")
        return left

    def run(self, call: Callable[[], T]) -> T:
        """The result of `call`; on TimeoutError, its thread is abandoned."""
        result: Future[T] = Future()

        def work() -> None:
            try:
                result.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised where it is awaited
                result.set_exception(error)

        # Not an executor, because the process would wait for its threads at exit.
        threading.Thread(target=work, daemon=True).start()
        return result.result(self.left_seconds())


def connect(
    address: WebAddress, ips: Sequence[str], deadline: Deadline, tls: ssl.SSLContext
) -> HTTPConnection:
    """Connects to the first of `ips` that answers; OSError if the first three don't.

    The IP addresses were checked before, and no name is resolved here. Host, SNI and
    the certificate are those of the host name.
    """
    errors = []
    for ip in ips[:_MAX_IPS_TRIED]:
        try:
            return _connect_to(ip, address, deadline, tls)
        except OSError as error:
            errors.append(error)
    raise errors[-1]


def _connect_to(
    ip: str, address: WebAddress, deadline: Deadline, tls: ssl.SSLContext
) -> HTTPConnection:
    connection = HTTPConnection(address.host, address.port)
    # Makes the Host header omit the default port for https, too.
    connection.default_port = DEFAULT_PORTS[address.scheme]
    # Never reconnect by itself: that would resolve the name again.
    connection.auto_open = 0
    connection.sock = socket.create_connection((ip, address.port), _wait(deadline))
    if address.scheme == "https":
        # This limits the whole handshake, as nothing watches it.
        connection.sock.settimeout(_wait(deadline))
        connection.sock = _wrap_tls(connection.sock, address.host, tls)
    deadline.watch(connection.sock)
    return connection


def _wait(deadline: Deadline) -> float:
    return min(SOCKET_SECONDS, deadline.left_seconds())


def _wrap_tls(plain: socket.socket, host: str, tls: ssl.SSLContext) -> ssl.SSLSocket:
    return tls.wrap_socket(
        plain,
        server_hostname=host.removesuffix("."),
        # A stream that ends without close_notify may have been truncated.
        suppress_ragged_eofs=False,
    )
