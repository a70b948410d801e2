"""Limits the total time of a call, however slowly its answer trickles in."""

import socket
import threading
from contextlib import suppress
from typing import Self


class Cutoff:
    """Shuts down the call's connection when time is up, even while a read blocks.

    A read timeout starts anew with every byte that arrives; this doesn't.
    """

    def __init__(self, seconds: float) -> None:
        self._socket: socket.socket | None = None
        self._is_over = False
        self._timer = threading.Timer(seconds, self.cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connected: socket.socket) -> None:
        """Call this again after TLS, which wraps the connection in another socket."""
        self._socket = connected
        if self._is_over:
            self.cut()

    def cut(self) -> None:
        self._is_over = True
        if self._socket is not None:
            with suppress(OSError):
                # The plain socket's shutdown, because TLS's own is not thread-safe.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
