"""Parses URLs strictly, so that no other parser can read one differently."""

from typing import Final, Self
from urllib.parse import SplitResult, quote, urlsplit

from msgspec import Struct

from shared.domain.errors import NotPublic
from shared.domain.https_address import MAX_HOST_LENGTH, ascii_host

DEFAULT_PORTS: Final = {"https": 443, "http": 80}

_MAX_CHARACTERS: Final = 8192
_SAFE_IN_PATH: Final = "/%:@!$&'()*+,;=~"


class WebAddress(Struct, frozen=True, kw_only=True):
    """`host` is lower-case ASCII without brackets; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """NotPublic for any scheme but http and https, and for malformed URLs."""
        parts = _split(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise NotPublic("the URL is not https")
        path = quote(parts.path or "/", safe=_SAFE_IN_PATH)
        query = quote(parts.query, safe=_SAFE_IN_PATH + "?")
        return cls(
            scheme=parts.scheme,
            host=_ascii_host(parts),
            port=_port(parts),
            path=f"{path}?{query}" if query else path,
        )

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)

    def is_at(self, url: str | None) -> bool:
        """Whether `url` has exactly this scheme, host and port."""
        return url is not None and WebAddress.parse(url).origin == self.origin


def _split(url: str) -> SplitResult:
    has_control = any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in url)
    if has_control or "\\" in url or len(url) > _MAX_CHARACTERS:
        raise NotPublic("the URL is malformed")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise NotPublic("the URL is malformed") from error
    if not parts.hostname or "@" in parts.netloc:
        raise NotPublic("the URL has no host, or has a user name")
    return parts


def _ascii_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host.isascii():  # not in lower case: that of Σ depends on its place
        host = parts.netloc.partition(":")[0]
    if len(host) > MAX_HOST_LENGTH:
        raise NotPublic("the URL has no public host")
    try:
        return host if host.isascii() else ascii_host(host).lower()
    except UnicodeError as error:
        raise NotPublic("the URL has no public host") from error


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise NotPublic("the URL has an invalid port") from error
    if port == 0:
        raise NotPublic("the URL has an invalid port")
    return port or DEFAULT_PORTS[parts.scheme]
