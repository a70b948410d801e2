"""How much of a vendor's answer is read: so many bytes, for so long, uncompressed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from shared.cutoff import Cutoff

# A task or an error is a few kilobytes. Google may put a whole video into an answer.
MOST_BYTES = 1_000_000
MOST_BYTES_WITH_VIDEO = 64_000_000

ACCEPT_PLAIN: Mapping[str, str] = {"Accept-Encoding": "identity"}


def is_compressed(headers: Mapping[str, str]) -> bool:
    """A small compressed answer may unpack to gigabytes, so none is read."""
    return headers.get("content-encoding", "identity").lower() != "identity"


def limited(
    chunks: Iterable[bytes], *, most_bytes: int, error: type[Exception]
) -> Iterator[bytes]:
    """`chunks` as they come; `error` once they are too many."""
    came_bytes = 0
    for chunk in chunks:
        came_bytes += len(chunk)
        if came_bytes > most_bytes:
            raise error(f"the answer has more than {most_bytes} bytes")
        yield chunk


def watched_by(cutoff: Cutoff) -> Callable[[str, Mapping[str, Any]], None]:
    """The `trace` extension of a request of httpx or httpx2: shows its socket."""

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            cutoff.watch(info["return_value"].get_extra_info("socket"))

    return trace
