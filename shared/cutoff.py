"""A limit on the time of a whole call, however its answer drips in."""

import socket
import threading
from contextlib import suppress
from typing import Self


class Cutoff:
    """Shuts the call's connection down when its time is up, even in mid-wait.

    A read timeout starts anew with every byte that comes; this doesn't.
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
        """Again after TLS, which makes another socket of it."""
        self._socket = connected
        if self._is_over:
            self.cut()

    def cut(self) -> None:
        self._is_over = True
        if self._socket is not None:
            with suppress(OSError):
                # The plain shutdown, because TLS's own is not thread-safe.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
