"""How a file is fetched from an address that somebody else wrote.

Only public addresses, checked again at each redirect; the connection goes to the very
IP address that was checked, so that a name cannot change its mind in between.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.domain.errors import BadContent, Unreachable
from shared.gcp.public_address import is_address, is_public, require_public_name
from shared.ports import WebFile

Resolver = Callable[[str, int], Sequence[str]]
Dial = Callable[[tuple[str, int], float], socket.socket]

_MOST_REDIRECTS: Final = 3
_MOST_ADDRESSES_TRIED: Final = 3
_MOST_URL_CHARACTERS: Final = 8192
_CHUNK_BYTES: Final = 256 * 1024
_HEAD_BYTES: Final = 512
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HTML_TYPES: Final = ("text/html", "application/xhtml+xml")
_HTML_STARTS: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "reelay"}
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def resolve(host: str, port: int) -> Sequence[str]:
    """All IP addresses of a name, IPv4 first: not every function has IPv6."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)
    return sorted(addresses, key=lambda address: ":" in address)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """One request: where to connect, and what to ask for."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: Sequence[str]

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)


class PublicWeb:
    """Downloads over https from public addresses, at any port.

    `connect_seconds` and `read_seconds` limit each wait, `total_seconds` all of a
    download with what its reader does in between (but for the look-up of names).
    Every error comes while the iterator is read, not before.
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
    ) -> None:
        self._tls = tls or ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        self._resolver = resolver
        self._dial = dial
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._total_seconds = total_seconds

    def stream(self, file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        with _Deadline(self._total_seconds) as deadline, _translated():
            for _ in range(_MOST_REDIRECTS + 1):
                target = self._target(file)
                with self._answer(target, file.headers, deadline) as response:
                    if response.status not in _REDIRECTS:
                        _check_head(response, most_bytes)
                        yield from _checked_body(response, most_bytes, deadline)
                        return
                    file = self._redirected(file, target, response)
            raise Unreachable("too many redirects")

    def _target(self, file: WebFile) -> _Target:
        """BadContent where the address is forbidden; nothing was connected yet."""
        parts = _split(file.url)
        host = _ascii_host(parts)
        is_trusted = (file.trusted_host or "").lower() in (host, parts.netloc.lower())
        if parts.scheme != "https" and not (is_trusted and parts.scheme == "http"):
            raise BadContent("the address is not https")
        port = _port(parts)
        addresses = self._addresses(host, port, must_be_public=not is_trusted)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
        return _Target(
            scheme=parts.scheme,
            host=host,
            port=port,
            path=f"{path}?{query}" if query else path,
            addresses=addresses,
        )

    def _addresses(
        self, host: str, port: int, *, must_be_public: bool
    ) -> Sequence[str]:
        if must_be_public and not is_address(host):
            require_public_name(host)
        addresses = [host] if is_address(host) else self._resolver(host, port)
        if not addresses:
            raise Unreachable("the host has no address")
        if must_be_public and not all(is_public(address) for address in addresses):
            raise BadContent("the host is not on the public internet")
        return addresses

    @contextmanager
    def _answer(
        self, target: _Target, headers: Mapping[str, str], deadline: "_Deadline"
    ) -> Iterator[HTTPResponse]:
        connection = self._connect(target, deadline)
        try:
            connection.request("GET", target.path, headers={**headers, **_HEADERS})
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()

    def _connect(self, target: _Target, deadline: "_Deadline") -> HTTPConnection:
        """The first address that answers; all of them were checked."""
        errors = []
        for address in target.addresses[:_MOST_ADDRESSES_TRIED]:
            deadline.check()
            try:
                return self._connect_to(address, target, deadline)
            except OSError as error:
                errors.append(error)
        raise errors[-1]

    def _connect_to(
        self, address: str, target: _Target, deadline: "_Deadline"
    ) -> HTTPConnection:
        plain = self._dial((address, target.port), self._connect_seconds)
        connection = HTTPConnection(target.host, target.port)
        # So that Host leaves the usual port out for https, too.
        connection.default_port = _DEFAULT_PORTS[target.scheme]
        connection.sock = plain
        try:
            if target.scheme == "https":
                connection.sock = self._secure(plain, target.host, deadline)
            connection.sock.settimeout(self._read_seconds)
            deadline.watch(connection.sock)
        except BaseException:
            connection.close()
            raise
        return connection

    def _secure(
        self, plain: socket.socket, host: str, deadline: "_Deadline"
    ) -> ssl.SSLSocket:
        secure = self._tls.wrap_socket(
            plain,
            server_hostname=host.removesuffix("."),
            do_handshake_on_connect=False,
            # An end without a goodbye may be a cut.
            suppress_ragged_eofs=False,
        )
        try:
            deadline.watch(secure)
            secure.do_handshake()
        except BaseException:
            secure.close()
            raise
        return secure

    def _redirected(
        self, file: WebFile, target: _Target, response: HTTPResponse
    ) -> WebFile:
        location = response.headers.get("Location")
        if not location:
            raise Unreachable("a redirect to nowhere")
        url = urljoin(file.url, location)
        parts = _split(url)
        origin = (parts.scheme, _ascii_host(parts), _port(parts))
        # A key is for the host that it was made for.
        headers = file.headers if origin == target.origin else {}
        return replace(file, url=url, headers=headers)


class _Deadline:
    """Ends a download at its time, also in the middle of a wait."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connected: socket.socket) -> None:
        self._socket = connected
        self.check()

    def check(self) -> None:
        if time.monotonic() >= self._ends_at:
            raise Unreachable("the download took too long")

    def _cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                # The plain shutdown: that of TLS is not for two threads at once.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@contextmanager
def _translated() -> Iterator[None]:
    # An error of a connection may name a signed address: its kind is enough.
    try:
        yield
    except (OSError, HTTPException) as error:
        raise Unreachable(f"the download failed: {type(error).__name__}") from error


def _split(url: str) -> SplitResult:
    """BadContent for what browsers, Python and proxies would read differently."""
    has_control = any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in url)
    if has_control or "\\" in url or len(url) > _MOST_URL_CHARACTERS:
        raise BadContent("the address is malformed")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadContent("the address is malformed") from error
    if not parts.hostname or "@" in parts.netloc:
        raise BadContent("the address has no host, or a user name")
    return parts


def _ascii_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        return host if host.isascii() else host.encode("idna").decode().lower()
    except UnicodeError as error:
        raise BadContent("the address has no public host") from error


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise BadContent("the address has an impossible port") from error
    if port == 0:
        raise BadContent("the address has an impossible port")
    return port or _DEFAULT_PORTS.get(parts.scheme, 443)


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
    response: HTTPResponse, most_bytes: int, deadline: _Deadline
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
    response: HTTPResponse, most_bytes: int, deadline: _Deadline
) -> Iterator[bytes]:
    """Whatever comes, as it comes; Unreachable at its end if that was too early."""
    promised_bytes, came_bytes = response.length, 0
    # `read` would wait until all of a chunk came, however slowly.
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
