"""Which requests a server on this machine refuses, so that no web page can use it.

A page of a foreign site reaches 127.0.0.1 in two ways: it sends requests there, which
carry its `Origin`, or it rebinds its own name to 127.0.0.1, which then is the `Host`.
"""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

FOREIGN_HOST = "This server answers only to 127.0.0.1 and localhost."
FOREIGN_ORIGIN = "This server takes no writes from that origin."


def refusal(environ: Mapping[str, Any], origins: Collection[str]) -> str | None:
    """Why to answer 403; None where the request may pass.

    `environ` is WSGI's; `origins` may write, and so may the server's own pages.
    """
    if not is_loopback(environ.get("HTTP_HOST", "")):
        return FOREIGN_HOST
    if environ["REQUEST_METHOD"] in _READS or may_use(environ, origins):
        return None
    return FOREIGN_ORIGIN


def is_loopback(host: str) -> bool:
    """Any port will do: it may have been forwarded from another machine."""
    try:
        return urlsplit(f"//{host}").hostname in _LOOPBACK
    except ValueError:
        return False


def may_use(environ: Mapping[str, Any], origins: Collection[str]) -> bool:
    """Whether the request is from no page, from our own, or from one of `origins`.

    Where a browser leaves out `Origin`, it still says that the request is another
    site's.
    """
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    return origin in (f"http://{environ.get('HTTP_HOST')}", *origins)
