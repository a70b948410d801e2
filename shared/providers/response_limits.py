"""Limits the size and time of a vendor's response, and refuses compressed ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from shared.providers.paid_post import CONNECT_SECONDS, SendState, cutoff
from shared.tls import tls_context

# A task or an error is a few kilobytes. Google may put a whole video into a response.
MAX_BYTES = 1_000_000
# An interaction may begin with the request that created it, its image included.
MAX_BYTES_WITH_REQUEST = 8_000_000
MAX_BYTES_WITH_VIDEO = 64_000_000

ACCEPT_PLAIN: Mapping[str, str] = {"Accept-Encoding": "identity"}


def limit_bytes(
    chunks: Iterable[bytes], *, max_bytes: int, error: type[Exception]
) -> Iterator[bytes]:
    """Passes `chunks` on; raises `error` once they exceed `max_bytes`."""
    received_bytes = 0
    for chunk in chunks:
        received_bytes += len(chunk)
        if received_bytes > max_bytes:
            raise error(f"the response has more than {max_bytes} bytes")
        yield chunk


def response_hook(library: Any, max_bytes: int) -> Callable[[Any], None]:
    """A hook for `library`, httpx or httpx2, that reads a response within the limit.

    Raises the library's own errors for one that is too large or compressed: a small
    compressed response may unpack to gigabytes.
    """

    def hook(response: Any) -> None:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise library.DecodingError("the response is compressed")
        with closing(response.stream) as stream:
            pieces = limit_bytes(stream, max_bytes=max_bytes, error=library.ReadError)
            response.stream = library.ByteStream(b"".join(pieces))

    return hook


@contextmanager
def single_call_client(
    library: Any, *, read_seconds: float, max_bytes: int, send_state: SendState
) -> Iterator[Any]:
    """A client of `library` for one call of an SDK, with a connection of its own: after
    an idle time, pooled connections may be dead.

    It follows no redirects, as the SDKs' own clients would, sending the POST again.
    """
    timeout = library.Timeout(CONNECT_SECONDS, read=read_seconds)

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            limit.watch(info["return_value"].get_extra_info("socket"))

    def before_sending(request: Any) -> None:
        send_state.started = True
        # google-genai applies its one timeout to connecting and to reading separately.
        request.extensions.update(timeout=timeout.as_dict(), trace=trace)

    with (
        cutoff(read_seconds) as limit,
        library.Client(
            verify=tls_context(),
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            headers=dict(ACCEPT_PLAIN),
            event_hooks={
                "request": [before_sending],
                "response": [response_hook(library, max_bytes)],
            },
        ) as client,
    ):
        yield client
