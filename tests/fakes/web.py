"""The internet in memory: bodies by address."""

from collections.abc import Iterator

from shared.domain.errors import BadContent, ReelayError, Unreachable
from shared.ports.providers import WebFile


class FakeWeb:
    """`bodies` by address; each error in `failures` is raised by one next call."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.failures: list[ReelayError] = []

    def stream(self, file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        if self.failures:
            raise self.failures.pop(0)
        if file.url not in self.bodies:
            raise Unreachable("404")
        body = self.bodies[file.url]
        if not body or len(body) > most_bytes:
            raise BadContent("empty, or too large")
        yield body[: len(body) // 2]
        yield body[len(body) // 2 :]
