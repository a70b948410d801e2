"""Receives request bodies, with limits on their size, their pace and their number."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from threading import BoundedSemaphore, Condition, Thread
from typing import IO, Any

from flask import Request
from gunicorn.http.errors import ParseException
from msgspec import Struct, field
from werkzeug.exceptions import HTTPException

from shared.domain.errors import Malformed, TooLarge, TooManyRequests, Unavailable

Environ = Mapping[str, Any]

# The longest valid body has 180,000, if it escapes all letters outside ASCII.
SMALL_BODY_BYTES = 200_000
# Cloud Run itself refuses 32 MB; below that we refuse, with a message that says why.
LARGE_BODY_BYTES = 30_000_000
PIECE_BYTES = 64 * 1024
# Reading an image out of JSON holds several copies of it: with four bodies of 28 MB at
# once, the process grew to 930 MB. Three leave more than half of an instance's 2 GiB
# (infra/functions.tf) to the other calls.
MAX_LARGE_BODIES = 3
LARGE_WAIT_SECONDS = 10.0
BODIES_PER_USER = 4
# Most bodies take milliseconds, so those that a user sends beyond that wait.
TURN_WAIT_SECONDS = 1.0
# Each request that waits, or whose refused body is still being read, holds one of an
# instance's twenty threads. With these limits one user can't take all of them.
WAITING_PER_USER = 8
DRAINS_PER_USER = 2
WRITE_TIMEOUT_SECONDS = 20.0
MAX_DRAINED_BYTES = 32 * 1024 * 1024
_CUT_OFF_SECONDS = 0.001
# ParseException: of a malformed chunk, also one that is cut short.
_CUT_OFF = (OSError, HTTPException, ParseException)
# The key in a request's environ that is set once its whole body has been read.
_IS_READ = "reelay.is_read"


class ReadTimeout(Struct, frozen=True, kw_only=True):
    """How long a sender may take: between two pieces, and for the whole body.

    After `grace_seconds`, the body must arrive at `bytes_per_second` on average.
    """

    silence_seconds: float
    body_seconds: float
    grace_seconds: float = 0
    bytes_per_second: int = 0


# Below the function's own timeout of 60 s: enough for 30 MB at 6 Mbit/s.
REQUEST = ReadTimeout(
    silence_seconds=5, body_seconds=40, grace_seconds=5, bytes_per_second=100_000
)
# The response is sent; a sender that isn't reading it yet gets this long to finish.
DRAIN = ReadTimeout(silence_seconds=0.5, body_seconds=2)
DRAIN_STRANGER = ReadTimeout(silence_seconds=0.1, body_seconds=0.25)
# Only reads what has already arrived, so that the response isn't lost.
DRAIN_FLOOD = ReadTimeout(silence_seconds=0.02, body_seconds=0.05)


class Receiver:
    """Receives a process's request bodies. Limits how many a user can send at once."""

    def __init__(
        self,
        limit: ReadTimeout = REQUEST,
        max_large_bodies: int = MAX_LARGE_BODIES,
        wait_seconds: float = LARGE_WAIT_SECONDS,
    ) -> None:
        self._limit = limit
        self._large_slots = BoundedSemaphore(max_large_bodies)
        self._wait_seconds = wait_seconds
        self._turns = Condition()
        self._by_user: Counter[str] = Counter()
        self._large_by_user: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._drained_by_user: Counter[str] = Counter()

    @contextmanager
    def receive(self, request: Request, user_id: str, max_bytes: int) -> Iterator[None]:
        """Within the block, `request.stream` is the whole body, in memory.

        TooLarge, before a byte is read if the length is known. TooManyRequests for a
        user who goes on sending several other bodies, or another large one. Unavailable
        if there is no room for a large body. Malformed if it is cut off or too slow.
        """
        if (request.content_length or 0) > max_bytes:
            raise TooLarge(max_bytes)
        wait = min(TURN_WAIT_SECONDS, self._wait_seconds)
        with self._large_slot(request, user_id, max_bytes, wait):
            with self._slot(self._by_user, user_id, BODIES_PER_USER, wait):
                body = _read(request, self._limit, max_bytes)
            request.stream = BytesIO(body)
            yield

    @contextmanager
    def _large_slot(
        self, request: Request, user_id: str, max_bytes: int, wait_seconds: float
    ) -> Iterator[None]:
        """A large body keeps its slot until its request is handled: until then, it is
        in memory.
        """
        known = request.content_length
        if (max_bytes if known is None else known) <= SMALL_BODY_BYTES:
            yield
            return
        with self._slot(self._large_by_user, user_id, 1, wait_seconds):
            if not self._large_slots.acquire(timeout=self._wait_seconds):
                raise Unavailable("too many large bodies at once")
            try:
                yield
            finally:
                self._large_slots.release()

    @contextmanager
    def _slot(
        self, counts: Counter[str], name: str, limit: int, wait_seconds: float
    ) -> Iterator[None]:
        """Counts the block under `name`. TooManyRequests if `limit` others already run
        and none of them ends within `wait_seconds`.
        """
        with self._turns:
            if counts[name] >= limit and not self._wait_for(
                lambda: counts[name] < limit, name, wait_seconds
            ):
                raise TooManyRequests
            counts[name] += 1
        try:
            yield
        finally:
            with self._turns:
                _count_down(counts, name)
                self._turns.notify_all()

    def _wait_for(
        self, is_free: Callable[[], bool], name: str, wait_seconds: float
    ) -> bool:
        if self._waiting[name] >= WAITING_PER_USER:
            return False
        self._waiting[name] += 1
        try:
            return self._turns.wait_for(is_free, wait_seconds)
        finally:
            _count_down(self._waiting, name)

    @contextmanager
    def drain_limit(self, user_id: str | None) -> Iterator[ReadTimeout]:
        """How long to go on reading the rest of a refused body.

        `user_id`: None for unauthenticated callers, who all count as one user.
        """
        # No user's ID is empty.
        name, counts = user_id or "", self._drained_by_user
        with ExitStack() as stack:
            limit = DRAIN_FLOOD
            with suppress(TooManyRequests):
                stack.enter_context(self._slot(counts, name, DRAINS_PER_USER, 0))
                limit = DRAIN if user_id else DRAIN_STRANGER
            yield limit


def _count_down(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


def _read(request: Request, limit: ReadTimeout, max_bytes: int) -> bytes:
    body = BytesIO()
    try:
        with enforced(request.environ, limit) as progress:
            while piece := request.stream.read(PIECE_BYTES):
                body.write(piece)
                progress.received_bytes += len(piece)
                if progress.received_bytes > max_bytes:
                    raise TooLarge(max_bytes)
    except _CUT_OFF as error:
        raise Malformed("cut off") from error
    request.environ[_IS_READ] = True
    return body.getvalue()


def is_unread(environ: Environ) -> bool:
    """Whether some of the request's body may not have been read yet."""
    return _has_body(environ) and _IS_READ not in environ


def drain(environ: Environ, unread: IO[bytes], limit: ReadTimeout) -> None:
    """Read the rest of a body: a client that is still sending might miss the answer."""
    left = MAX_DRAINED_BYTES
    try:
        with enforced(environ, limit):
            while left > 0 and (piece := unread.read(PIECE_BYTES)):
                left -= len(piece)
        is_read = left > 0
    except _CUT_OFF:
        is_read = False
    connection = _connection(environ)
    if connection is not None and not is_read:
        # Otherwise gunicorn would keep one of the request threads busy reading.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


class Progress(Struct):
    received_bytes: int = 0


@contextmanager
def enforced(environ: Environ, limit: ReadTimeout) -> Iterator[Progress]:
    """Reads inside raise OSError once the sender is slower than `limit`.

    gunicorn reads until it has a whole piece, and the socket's timeout starts anew with
    every byte, so a body that trickles in would never end. A watchdog thread therefore
    cuts that timeout short.
    """
    progress, connection = Progress(), _connection(environ)
    if connection is None or not _has_body(environ):
        yield progress
        return
    connection.settimeout(limit.silence_seconds)
    reading = _Reading(connection, limit, progress)
    _watchdog.add(reading)
    try:
        yield progress
    finally:
        _watchdog.remove(reading)
        connection.settimeout(WRITE_TIMEOUT_SECONDS)


class _Reading(Struct, eq=False):
    connection: socket.socket
    limit: ReadTimeout
    progress: Progress
    began: float = field(default_factory=time.monotonic)

    @property
    def check_interval(self) -> float:
        return min(0.5, self.limit.body_seconds / 4)

    def cut_off_if_slow(self) -> None:
        seconds = time.monotonic() - self.began
        due_bytes = self.limit.bytes_per_second * (seconds - self.limit.grace_seconds)
        if (
            seconds > self.limit.body_seconds
            or self.progress.received_bytes + PIECE_BYTES < due_bytes
        ):
            self.connection.settimeout(_CUT_OFF_SECONDS)


class _Watchdog:
    """One thread for all bodies that are being read; it ends when there are none."""

    def __init__(self) -> None:
        self._readings: set[_Reading] = set()
        self._changed = Condition()
        self._checks_at: float | None = None  # None: no thread is running

    def add(self, reading: _Reading) -> None:
        with self._changed:
            self._readings.add(reading)
            if self._checks_at is None:
                self._checks_at = 0.0
                Thread(target=self._run, daemon=True).start()
            elif reading.began + reading.check_interval < self._checks_at:
                self._changed.notify()

    def remove(self, reading: _Reading) -> None:
        """From then on, its connection is left alone."""
        with self._changed:
            self._readings.discard(reading)

    def _run(self) -> None:
        with self._changed:
            while self._readings:
                pause = min(reading.check_interval for reading in self._readings)
                self._checks_at = time.monotonic() + pause
                self._changed.wait(pause)
                for reading in self._readings:
                    reading.cut_off_if_slow()
            self._checks_at = None


_watchdog = _Watchdog()


def _connection(environ: Environ) -> socket.socket | None:
    """The client's socket; None under any server but gunicorn, which the cloud uses."""
    found = environ.get("gunicorn.socket")
    return found if isinstance(found, socket.socket) else None


def _has_body(environ: Environ) -> bool:
    says_length = environ.get("CONTENT_LENGTH") not in (None, "", "0")
    return says_length or "HTTP_TRANSFER_ENCODING" in environ
