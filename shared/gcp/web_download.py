"""Calls untrusted URLs: only public addresses, which are checked at every redirect.

It connects to the very IP address that was checked, so that the name can't resolve to
another one in between (DNS rebinding).
"""

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final
from urllib.parse import urljoin

from shared.domain.errors import BadContent, NotPublic, Unreachable
from shared.domain.public_address import is_public, require_public_host
from shared.domain.structs import replace
from shared.domain.webhook import ReceiverResponse
from shared.gcp.pinned_connection import Deadline, connect
from shared.gcp.web_address import WebAddress
from shared.ports.providers import WebFile
from shared.retry_after import retry_after_seconds
from shared.tls import tls_context

_MAX_REDIRECTS: Final = 3
_CHUNK_BYTES: Final = 256 * 1024
_HEAD_BYTES: Final = 512
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HTML_TYPES: Final = ("text/html", "application/xhtml+xml")
_HTML_STARTS: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "reelay"}


def resolve(host: str, port: int) -> Sequence[str]:
    """All IP addresses of a name. IPv4 first, because a function may lack IPv6."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)
    return sorted(addresses, key=lambda address: ":" in address)


class PublicWeb:
    """Downloads over https from public addresses, at any port, and posts to them.

    `total_seconds` limits the whole call, including name resolution and the time that
    the reader of a download takes. A download's errors are only raised while its
    iterator is read. `forward_to`: for local development, the URL that receives all
    posts instead.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        total_seconds: float,
        forward_to: str | None = None,
    ) -> None:
        self._tls = tls or tls_context()
        self._total_seconds = total_seconds
        self._forward_to = forward_to

    def stream(self, file: WebFile, *, max_bytes: int) -> Iterator[bytes]:
        with Deadline(self._total_seconds) as deadline, _map_errors():
            for _ in range(_MAX_REDIRECTS + 1):
                with self._get(file, deadline) as response:
                    if response.status not in _REDIRECTS:
                        _check_head(response, max_bytes)
                        yield from _checked_body(response, max_bytes, deadline)
                        return
                    file = _follow(file, response.headers.get("Location", ""))
            raise Unreachable("too many redirects")

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> ReceiverResponse:
        """The port `Receivers`: one POST. The response's body is not read."""
        address = WebAddress.parse(url)
        if self._forward_to is not None:
            address = replace(WebAddress.parse(self._forward_to), path=address.path)
        sent = {**headers, **_HEADERS, "Content-Type": "application/json"}
        with Deadline(self._total_seconds) as deadline, _map_errors():
            is_ours = address.is_at(self._forward_to)
            with self._connect(address, deadline, is_trusted=is_ours) as connection:
                connection.request("POST", address.path, body=body, headers=sent)
                response = connection.getresponse()
                wait = retry_after_seconds(response.headers.get("Retry-After"))
                return ReceiverResponse(
                    status=response.status, retry_after_seconds=wait
                )

    @contextmanager
    def _get(self, file: WebFile, deadline: Deadline) -> Iterator[HTTPResponse]:
        address = WebAddress.parse(file.url)
        is_trusted = address.is_at(file.trusted_origin)
        with self._connect(address, deadline, is_trusted=is_trusted) as connection:
            headers = {**file.headers, **_HEADERS}
            connection.request("GET", address.path, headers=headers)
            with connection.getresponse() as response:
                yield response

    @contextmanager
    def _connect(
        self, address: WebAddress, deadline: Deadline, *, is_trusted: bool
    ) -> Iterator[HTTPConnection]:
        ips = _resolve_checked(address, deadline, is_trusted=is_trusted)
        connection = connect(address, ips, deadline, self._tls)
        try:
            yield connection
        finally:
            connection.close()


def _resolve_checked(
    address: WebAddress, deadline: Deadline, *, is_trusted: bool
) -> Sequence[str]:
    """The IP addresses to connect to; NotPublic unless trusted or all are public."""
    if not is_trusted:
        if address.scheme != "https":
            raise NotPublic("the URL is not https")
        require_public_host(address.host)
    ips = deadline.run(lambda: resolve(address.host, address.port))
    if not is_trusted and not all(is_public(ip) for ip in ips):
        raise NotPublic("the host is not on the public internet")
    return ips


def _follow(file: WebFile, location: str) -> WebFile:
    url = _join(file.url, location)
    is_same = WebAddress.parse(url).origin == WebAddress.parse(file.url).origin
    # The headers may hold an API key, which belongs to one origin.
    headers: Mapping[str, str] = file.headers if is_same else {}
    return replace(file, url=url, headers=headers)


def _join(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise NotPublic("the URL is malformed") from error


@contextmanager
def _map_errors() -> Iterator[None]:
    # An error's message may contain a signed URL, so only its type is kept.
    try:
        yield
    except (OSError, HTTPException) as error:
        raise Unreachable(f"the call failed: {type(error).__name__}") from error


def _check_head(response: HTTPResponse, max_bytes: int) -> None:
    is_good = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
    if not is_good or response.status == HTTPStatus.PARTIAL_CONTENT:
        raise Unreachable(f"the download answered {response.status}")
    encoding = response.headers.get("Content-Encoding", "identity")
    transfer = response.headers.get("Transfer-Encoding", "chunked")
    if encoding.lower() != "identity" or transfer.lower() != "chunked":
        raise BadContent("the download is encoded, although identity was requested")
    if response.headers.get_content_type() in _HTML_TYPES:
        raise BadContent("the download is a web page")
    if (response.length or 0) > max_bytes:
        raise BadContent(f"the download has more than {max_bytes} bytes")


def _checked_body(
    response: HTTPResponse, max_bytes: int, deadline: Deadline
) -> Iterator[bytes]:
    chunks = _body(response, max_bytes, deadline)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    _check_start(head)
    yield head
    yield from chunks


def _body(
    response: HTTPResponse, max_bytes: int, deadline: Deadline
) -> Iterator[bytes]:
    """The body as it arrives; Unreachable if it is shorter than its Content-Length."""
    announced_bytes, received_bytes = response.length, 0
    # `read` would wait for a whole chunk, however slowly it arrives.
    while chunk := response.read1(_CHUNK_BYTES):
        received_bytes += len(chunk)
        if received_bytes > max_bytes:
            raise BadContent(f"the download has more than {max_bytes} bytes")
        yield chunk
    deadline.check()
    if announced_bytes is not None and received_bytes != announced_bytes:
        raise Unreachable("the download was cut short")


def _check_start(head: bytes) -> None:
    if not head:
        raise BadContent("the download is empty")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_HTML_STARTS):
        raise BadContent("the download is a web page")
