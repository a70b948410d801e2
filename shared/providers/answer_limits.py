"""How much of a vendor's answer is read: so many bytes, for so long, uncompressed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

# A task or an error is a few kilobytes. Google may put a whole video into an answer.
MOST_BYTES = 1_000_000
MOST_BYTES_WITH_VIDEO = 64_000_000

ACCEPT_PLAIN: Mapping[str, str] = {"Accept-Encoding": "identity"}


def is_compressed(headers: Mapping[str, str]) -> bool:
    """A small compressed answer may unpack to gigabytes, so none is read."""
    return headers.get("content-encoding", "identity").lower() != "identity"


def limited(
    chunks: Iterable[bytes],
    *,
    most_bytes: int,
    seconds: float,
    error: type[Exception],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """`chunks` as they come; `error` once they are too many or take too long.

    A read timeout alone would let a vendor send one byte at a time for ever.
    """
    ends_at, came_bytes = clock() + seconds, 0
    for chunk in chunks:
        came_bytes += len(chunk)
        if came_bytes > most_bytes:
            raise error(f"the answer has more than {most_bytes} bytes")
        if clock() > ends_at:
            raise error(f"the answer took more than {seconds:.0f} s")
        yield chunk
