"""How many large bodies are held at once: the memory of an instance has an end."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from flask import Request

from functions.http.bodies import LARGEST_BODY_BYTES
from shared.domain.errors import Unavailable

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
