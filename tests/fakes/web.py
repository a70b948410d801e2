"""The web in memory: response bodies by URL."""

from collections.abc import Iterator

from shared.domain.errors import BadContent, ReelayError, Unreachable
from shared.ports.providers import WebFile


class FakeWeb:
    """`bodies` by URL; the next calls raise the errors in `failures`, one each."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.failures: list[ReelayError] = []

    def stream(self, file: WebFile, *, max_bytes: int) -> Iterator[bytes]:
        if self.failures:
            raise self.failures.pop(0)
        if file.url not in self.bodies:
            raise Unreachable("404")
        body = self.bodies[file.url]
        if not body or len(body) > max_bytes:
            raise BadContent("empty, or too large")
        yield body[: len(body) // 2]
        yield body[len(body) // 2 :]
