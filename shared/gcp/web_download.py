"""Calls of untrusted URLs: only public addresses, checked at every redirect.

The connection goes to the very IP address that was checked, so that a name can't
resolve to another one in between (DNS rebinding).
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final
from urllib.parse import urljoin

from shared.domain.errors import BadContent, NotPublic, Unreachable
from shared.domain.public_address import is_address, is_public, require_public_name
from shared.domain.structs import replace
from shared.domain.webhook import ReceiverAnswer
from shared.gcp.pinned_connection import Connector, Deadline, Dial
from shared.gcp.web_address import WebAddress
from shared.ports.providers import WebFile
from shared.retry_after import retry_after_seconds
from shared.tls import trusted

Resolver = Callable[[str, int], Sequence[str]]

_MOST_REDIRECTS: Final = 3
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

    `connect_seconds` and `read_seconds` limit each wait; `total_seconds` limits the
    whole call, including name resolution and the time a download's reader takes.
    Errors of a download are raised while the iterator is read, not before.
    `forward_to`: on one's own machine, the address that gets all posts instead.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        dial: Dial = socket.create_connection,
        connect_seconds: float = 10,
        read_seconds: float = 10,
        total_seconds: float = 300,
        forward_to: str | None = None,
    ) -> None:
        self._forward_to = forward_to
        self._resolver = resolver
        self._total_seconds = total_seconds
        self._connector = Connector(
            tls=tls or trusted(),
            dial=dial,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
        )

    def stream(self, file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        with Deadline(self._total_seconds) as deadline, _translated():
            for _ in range(_MOST_REDIRECTS + 1):
                with self._answer(file, deadline) as response:
                    if response.status not in _REDIRECTS:
                        _check_head(response, most_bytes)
                        yield from _checked_body(response, most_bytes, deadline)
                        return
                    file = _redirected(file, response.headers.get("Location"))
            raise Unreachable("too many redirects")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        """The port `Receivers`: one POST, whose answer's body is left unread."""
        address = WebAddress.parse(url)
        if self._forward_to is not None:
            address = replace(WebAddress.parse(self._forward_to), path=address.path)
        sent = {**headers, **_HEADERS, "Content-Type": "application/json"}
        with Deadline(self._total_seconds) as deadline, _translated():
            is_ours = address.is_at(self._forward_to)
            with self._connected(address, deadline, is_trusted=is_ours) as connection:
                connection.request("POST", address.path, body=body, headers=sent)
                response = connection.getresponse()
                asked = retry_after_seconds(response.headers.get("Retry-After"))
                return ReceiverAnswer(status=response.status, retry_after_seconds=asked)

    @contextmanager
    def _answer(self, file: WebFile, deadline: Deadline) -> Iterator[HTTPResponse]:
        address = WebAddress.parse(file.url)
        is_trusted = address.is_at(file.trusted_origin)
        with self._connected(address, deadline, is_trusted=is_trusted) as connection:
            headers = {**file.headers, **_HEADERS}
            connection.request("GET", address.path, headers=headers)
            with connection.getresponse() as response:
                yield response

    @contextmanager
    def _connected(
        self, address: WebAddress, deadline: Deadline, *, is_trusted: bool
    ) -> Iterator[HTTPConnection]:
        ips = self._checked_ips(address, deadline, is_trusted=is_trusted)
        connection = self._connector.connect(address, ips, deadline)
        try:
            yield connection
        finally:
            connection.close()

    def _checked_ips(
        self, address: WebAddress, deadline: Deadline, *, is_trusted: bool
    ) -> Sequence[str]:
        """The IP addresses to connect to. NotPublic, before any connection."""
        if not is_trusted and address.scheme != "https":
            raise NotPublic("the address is not https")
        if not is_trusted and not is_address(address.host):
            require_public_name(address.host)
        ips = self._ips(address, deadline)
        if not is_trusted and not all(is_public(ip) for ip in ips):
            raise NotPublic("the host is not on the public internet")
        return ips

    def _ips(self, address: WebAddress, deadline: Deadline) -> Sequence[str]:
        if is_address(address.host):
            return [address.host]
        ips = deadline.within(lambda: self._resolver(address.host, address.port))
        if not ips:
            raise Unreachable("the host has no address")
        return ips


def _redirected(file: WebFile, location: str | None) -> WebFile:
    if not location:
        raise Unreachable("a redirect to nowhere")
    url = _joined(file.url, location)
    is_same = WebAddress.parse(url).origin == WebAddress.parse(file.url).origin
    # A key belongs to one origin.
    headers: Mapping[str, str] = file.headers if is_same else {}
    return replace(file, url=url, headers=headers)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise NotPublic("the address is malformed") from error


@contextmanager
def _translated() -> Iterator[None]:
    # The text of a connection error may hold a signed URL, so only its kind is kept.
    try:
        yield
    except (OSError, HTTPException) as error:
        raise Unreachable(f"the call failed: {type(error).__name__}") from error


def _check_head(response: HTTPResponse, most_bytes: int) -> None:
    is_good = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
    if not is_good or response.status == HTTPStatus.PARTIAL_CONTENT:
        raise Unreachable(f"the download answered {response.status}")
    encoding = response.headers.get("Content-Encoding", "identity")
    transfer = response.headers.get("Transfer-Encoding", "chunked")
    if encoding.lower() != "identity" or transfer.lower() != "chunked":
        raise BadContent("the download came encoded although it must not")
    if response.headers.get_content_type() in _HTML_TYPES:
        raise BadContent("the download is a web page")
    if (response.length or 0) > most_bytes:
        raise BadContent(f"the download has more than {most_bytes} bytes")


def _checked_body(
    response: HTTPResponse, most_bytes: int, deadline: Deadline
) -> Iterator[bytes]:
    chunks = _body(response, most_bytes, deadline)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    _check_start(head)
    yield head
    yield from chunks


def _body(
    response: HTTPResponse, most_bytes: int, deadline: Deadline
) -> Iterator[bytes]:
    """The body as it arrives. Unreachable if it ends before its announced length."""
    promised_bytes, came_bytes = response.length, 0
    # `read` would wait for a whole chunk, however slowly it comes.
    while chunk := response.read1(_CHUNK_BYTES):
        deadline.check()
        came_bytes += len(chunk)
        if came_bytes > most_bytes:
            raise BadContent(f"the download has more than {most_bytes} bytes")
        yield chunk
    deadline.check()
    if promised_bytes is not None and came_bytes != promised_bytes:
        raise Unreachable("the download was cut short")


def _check_start(head: bytes) -> None:
    if not head:
        raise BadContent("the download is empty")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_HTML_STARTS):
        raise BadContent("the download is a web page")
