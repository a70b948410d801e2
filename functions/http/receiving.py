"""How a body is received: how large, how fast, and how many at once."""

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from threading import BoundedSemaphore, Condition, Thread
from typing import IO, Any

from flask import Request
from msgspec import Struct, field
from werkzeug.exceptions import HTTPException

from shared.domain.errors import Malformed, TooLarge, TooManyRequests, Unavailable

Environ = Mapping[str, Any]

SMALL_BODY_BYTES = 100_000
# Cloud Run itself refuses 32 MB; below that the refusal is ours, and says why.
LARGE_BODY_BYTES = 30_000_000
PIECE_BYTES = 64 * 1024
# An image in JSON is in memory several times while it is read: four bodies of 28 MB
# at once made the process 930 MB large, and an instance has 1 GiB.
LARGE_AT_ONCE = 3
LARGE_WAIT_SECONDS = 10.0
BODIES_PER_USER = 4
# A small body takes milliseconds, so a user who sends many at once waits for a turn.
TURN_SECONDS = 1.0
ANSWER_SECONDS = 20.0
MOST_DRAINED_BYTES = 32 * 1024 * 1024
_CUT_OFF_SECONDS = 0.001


class ReadTimeout(Struct, frozen=True, kw_only=True):
    """How long a sender may take: between two pieces, and for the whole body.

    After `grace_seconds` the body must have come at `bytes_per_second` on average.
    """

    silence_seconds: float
    body_seconds: float
    grace_seconds: float = 0
    bytes_per_second: int = 0


# Below the function's own 60 s: 30 MB come through at 6 Mbit/s.
REQUEST = ReadTimeout(
    silence_seconds=5, body_seconds=40, grace_seconds=5, bytes_per_second=100_000
)
# The answer is sent; a sender who doesn't read it yet gets this long to finish.
DRAIN = ReadTimeout(silence_seconds=0.5, body_seconds=2)
DRAIN_STRANGER = ReadTimeout(silence_seconds=0.1, body_seconds=0.25)


class Receiver:
    """Receives the bodies of a process: each in time, and each user's in turn."""

    def __init__(
        self,
        limit: ReadTimeout = REQUEST,
        large_at_once: int = LARGE_AT_ONCE,
        wait_seconds: float = LARGE_WAIT_SECONDS,
    ) -> None:
        self._limit = limit
        self._large_room = BoundedSemaphore(large_at_once)
        self._wait_seconds = wait_seconds
        self._turns = Condition()
        self._by_user: Counter[str] = Counter()
        self._large_by_user: Counter[str] = Counter()

    @contextmanager
    def receive(
        self, request: Request, user_id: str, most_bytes: int
    ) -> Iterator[None]:
        """Within the block `request.stream` is the whole body, in memory.

        TooLarge, before a byte is read where the length is known. TooManyRequests for
        a user who is sending several bodies already, or a second large one.
        Unavailable if there is no room for a large body. Malformed if it stops.
        """
        if (request.content_length or 0) > most_bytes:
            raise TooLarge(most_bytes)
        with self._room(request, user_id, most_bytes):
            wait = min(TURN_SECONDS, self._wait_seconds)
            with self._counted(self._by_user, user_id, BODIES_PER_USER, wait):
                body = _read(request, self._limit, most_bytes)
            request.stream = BytesIO(body)
            yield

    @contextmanager
    def _room(self, request: Request, user_id: str, most_bytes: int) -> Iterator[None]:
        """A large body keeps its room until it is handled: it is in memory so long."""
        known = request.content_length
        if (most_bytes if known is None else known) <= SMALL_BODY_BYTES:
            yield
            return
        with self._counted(self._large_by_user, user_id, 1, 0):
            if not self._large_room.acquire(timeout=self._wait_seconds):
                raise Unavailable("too many large bodies at once")
            try:
                yield
            finally:
                self._large_room.release()

    @contextmanager
    def _counted(
        self, counts: Counter[str], name: str, most: int, wait_seconds: float
    ) -> Iterator[None]:
        """TooManyRequests if none of the `most` ends within `wait_seconds`."""
        with self._turns:
            if not self._turns.wait_for(lambda: counts[name] < most, wait_seconds):
                raise TooManyRequests
            counts[name] += 1
        try:
            yield
        finally:
            with self._turns:
                counts[name] -= 1
                if not counts[name]:
                    del counts[name]
                self._turns.notify_all()


def _read(request: Request, limit: ReadTimeout, most_bytes: int) -> bytes:
    body = BytesIO()
    try:
        with watched(request.environ, limit) as progress:
            while piece := request.stream.read(PIECE_BYTES):
                body.write(piece)
                progress.received_bytes += len(piece)
                if progress.received_bytes > most_bytes:
                    raise TooLarge(most_bytes)
    except (OSError, HTTPException) as error:
        raise Malformed("cut off") from error
    return body.getvalue()


def drain(environ: Environ, unread: IO[bytes], limit: ReadTimeout) -> None:
    """Read what is left: a client that is still sending might miss the answer."""
    if getattr(unread, "is_exhausted", False) or not _has_body(environ):
        return
    left = MOST_DRAINED_BYTES
    try:
        with watched(environ, limit):
            while left > 0 and (piece := unread.read(PIECE_BYTES)):
                left -= len(piece)
        is_read = left > 0
    except (HTTPException, OSError):
        is_read = False
    connection = _connection(environ)
    if connection is not None and not is_read:
        # gunicorn would go on reading in one of the threads that answer.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


class Progress(Struct):
    received_bytes: int = 0


@contextmanager
def watched(environ: Environ, limit: ReadTimeout) -> Iterator[Progress]:
    """Reads inside raise OSError once the sender is slower than `limit`.

    gunicorn reads until a whole piece has come, with the socket's timeout each time, so
    that a body in drops would never end: another thread takes that timeout away.
    """
    progress, connection = Progress(), _connection(environ)
    if connection is None or not _has_body(environ):
        yield progress
        return
    connection.settimeout(limit.silence_seconds)
    reading = _Reading(connection, limit, progress)
    _watch.add(reading)
    try:
        yield progress
    finally:
        _watch.remove(reading)
        connection.settimeout(ANSWER_SECONDS)


class _Reading(Struct, eq=False):
    connection: socket.socket
    limit: ReadTimeout
    progress: Progress
    began: float = field(default_factory=time.monotonic)

    @property
    def look_every(self) -> float:
        return min(0.5, self.limit.body_seconds / 4)

    def cut_off_if_slow(self) -> None:
        seconds = time.monotonic() - self.began
        due_bytes = self.limit.bytes_per_second * (seconds - self.limit.grace_seconds)
        if (
            seconds > self.limit.body_seconds
            or self.progress.received_bytes + PIECE_BYTES < due_bytes
        ):
            self.connection.settimeout(_CUT_OFF_SECONDS)


class _Watch:
    """One thread for all bodies that are read at the time; none while none is."""

    def __init__(self) -> None:
        self._readings: set[_Reading] = set()
        self._changed = Condition()
        self._looks_at: float | None = None  # None: no thread is running

    def add(self, reading: _Reading) -> None:
        with self._changed:
            self._readings.add(reading)
            if self._looks_at is None:
                self._looks_at = 0.0
                Thread(target=self._run, daemon=True).start()
            elif reading.began + reading.look_every < self._looks_at:
                self._changed.notify()

    def remove(self, reading: _Reading) -> None:
        """Its connection is not touched any more."""
        with self._changed:
            self._readings.discard(reading)

    def _run(self) -> None:
        with self._changed:
            while self._readings:
                pause = min(reading.look_every for reading in self._readings)
                self._looks_at = time.monotonic() + pause
                self._changed.wait(pause)
                for reading in self._readings:
                    reading.cut_off_if_slow()
            self._looks_at = None


_watch = _Watch()


def _connection(environ: Environ) -> socket.socket | None:
    """None under another server than gunicorn, which we are deployed with."""
    found = environ.get("gunicorn.socket")
    return found if isinstance(found, socket.socket) else None


def _has_body(environ: Environ) -> bool:
    says_length = environ.get("CONTENT_LENGTH") not in (None, "", "0")
    return says_length or "HTTP_TRANSFER_ENCODING" in environ
