"""How a body is received: how long it may take, and how many large ones at once."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore

from flask import Request

from shared.domain.errors import Unavailable

LARGEST_BODY_BYTES = 1_000_000
# Cloud Run itself takes 32 MB; below that the refusal is ours, and says why.
LARGEST_REQUEST_BYTES = 30_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTimeout:
    """`silence_seconds`: between two pieces; `body_seconds`: for all of them."""

    silence_seconds: float
    body_seconds: float


# Below the function's own 60 s: 30 MB come through at 6 Mbit/s.
REQUEST = ReadTimeout(silence_seconds=10, body_seconds=40)
# The answer is there: a caller who is still sending only has to be let finish.
DRAIN = ReadTimeout(silence_seconds=1, body_seconds=4)
ANSWER_SECONDS = 20.0
_AT_ONCE = 0.001


@contextmanager
def patience(request: Request, limit: ReadTimeout) -> Iterator[None]:
    """A read that waits longer raises OSError; for ever does nobody wait after us.

    gunicorn reads on until a whole piece is there, each time with the socket's own
    timeout: a body in drops ends because a timer takes that timeout away.
    """
    connection = _connection(request)
    if connection is None or not _has_body(request):
        yield
        return
    connection.settimeout(limit.silence_seconds)
    timer = threading.Timer(limit.body_seconds, connection.settimeout, (_AT_ONCE,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        connection.settimeout(ANSWER_SECONDS)


def stop_listening(request: Request) -> None:
    """gunicorn would wait for a silent caller's end in the thread that accepts."""
    if (connection := _connection(request)) is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def _connection(request: Request) -> socket.socket | None:
    """None under any other server than the one that we are deployed with."""
    found = request.environ.get("gunicorn.socket")
    return found if isinstance(found, socket.socket) else None


def _has_body(request: Request) -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


# An image in JSON is in memory several times while it is read: twenty of 28 MB at once
# made the process 770 MB large, with four at a time 930 MB; an instance has 1 GiB.
AT_ONCE = 3
WAIT_SECONDS = 10.0


class LargeBodies:
    """Room for some of them. The others wait for it, holding nothing yet."""

    def __init__(
        self, at_once: int = AT_ONCE, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._room = BoundedSemaphore(at_once)
        self._wait_seconds = wait_seconds

    @contextmanager
    def room_for(self, request: Request) -> Iterator[None]:
        """Unavailable where there is none for too long; small ones need none."""
        if not _may_be_large(request):
            yield
            return
        if not self._room.acquire(timeout=self._wait_seconds):
            raise Unavailable("too many large bodies at once")
        try:
            yield
        finally:
            self._room.release()


def _may_be_large(request: Request) -> bool:
    if "Transfer-Encoding" in request.headers:
        return True
    return (request.content_length or 0) > LARGEST_BODY_BYTES
