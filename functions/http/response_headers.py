"""The headers of every answer, and the path below which the api is reached."""

import re
from collections.abc import Collection

from flask import Request, Response

# A function has two addresses: Cloud Run's is a host alone, Cloud Functions' has the
# function's name in its path, which is taken off before the request comes here.
FUNCTIONS_DOMAIN = ".cloudfunctions.net"
FUNCTION_NAME = "api"

# Cross-Origin-Resource-Policy stops what loads without CORS alone, as <img> or
# <script> do: Fetch runs its check for the mode no-cors, so the pages of allowed
# origins, which ask with CORS, read on.
_EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=63072000",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_METHODS = "GET, POST, DELETE, OPTIONS"
_PREFLIGHT_SECONDS = "3600"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")
_EXPOSED = "Location, Retry-After, Idempotent-Replayed, X-Request-Id"


def add_headers(
    response: Response, request: Request, request_id: str, origins: Collection[str]
) -> None:
    """Headers that the handler has set stay as they are."""
    every = _EVERY_ANSWER | {"X-Request-Id": request_id} | _cors(request, origins)
    present = {name.lower() for name, _ in response.headers}
    # All at once: each by itself is looked for among all that are there.
    response.headers.extend(
        {name: value for name, value in every.items() if name.lower() not in present}
    )


def _cors(request: Request, origins: Collection[str]) -> dict[str, str]:
    """Exact origins only; another origin gets no header at all."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in origins:
        return {"Vary": "Origin"}
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": "Origin",
    }
    return headers | (_preflight(request) if request.method == "OPTIONS" else {})


def _preflight(request: Request) -> dict[str, str]:
    """Whatever headers the browser asks for: clients and tracing send their own."""
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    asked = request.headers.get("Access-Control-Request-Headers", "")
    allowed = {"Access-Control-Allow-Headers": asked}
    return headers | (allowed if _HEADER_NAMES.fullmatch(asked) else {})


def base_path(request: Request) -> str:
    """`/api/` at REGION-PROJECT.cloudfunctions.net, `/` at any other address."""
    host = request.host.partition(":")[0].lower()
    return f"/{FUNCTION_NAME}/" if host.endswith(FUNCTIONS_DOMAIN) else "/"
