"""Decides which requests a local server refuses, so that no foreign page can use it.

A foreign page can reach 127.0.0.1 in two ways: by cross-origin requests, which carry
its `Origin`, or by DNS rebinding, where its own host name is the `Host`.
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

FOREIGN_HOST = "This server answers only to 127.0.0.1 and localhost."
FOREIGN_ORIGIN = "This server takes writes only from pages of ALLOWED_ORIGINS."


def refusal(environ: Mapping[str, Any], origins: Collection[str]) -> str | None:
    """The reason for a 403; None if the request may pass.

    `environ`: WSGI's. `origins`: those that may write, besides the server's own.
    """
    if not is_loopback(environ.get("HTTP_HOST", "")):
        return FOREIGN_HOST
    if environ["REQUEST_METHOD"] in _READS or may_use(environ, origins):
        return None
    return FOREIGN_ORIGIN


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine; its port may be forwarded from another."""
    try:
        return urlsplit(f"//{host}").hostname in _LOOPBACK
    except ValueError:
        return False


def may_use(environ: Mapping[str, Any], origins: Collection[str]) -> bool:
    """Whether the request is from a program, from our own page, or from `origins`.

    If a browser omits `Origin`, `Sec-Fetch-Site` still names a cross-site request.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    return origin in (f"http://{environ.get('HTTP_HOST')}", *origins)
