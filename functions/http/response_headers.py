"""Headers that every response has, CORS headers, and the API's base path."""

import re
from collections.abc import Collection
from http import HTTPStatus

from flask import Request, Response

# A function has two addresses: Cloud Run's is a host alone; Cloud Functions' has the
# function's name in its path, which Google strips before the request arrives here.
FUNCTIONS_DOMAIN = ".cloudfunctions.net"
FUNCTION_NAME = "api"

# Cross-Origin-Resource-Policy only blocks loads without CORS, such as <img> and
# <script>: Fetch checks it for the mode no-cors alone, so pages on allowed origins,
# which use CORS, are not affected.
_ALWAYS = {
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
_EXPOSED = "Location, Retry-After, Idempotent-Replayed, X-Request-Id, X-Should-Retry"


def add_headers(response: Response, request: Request, origins: Collection[str]) -> None:
    """Adds what is missing; headers that the handler has set stay as they are."""
    if response.status_code == HTTPStatus.NO_CONTENT:
        del response.headers["Content-Type"]  # HTML, by Flask's default
    every = _ALWAYS | _cors(request, origins)
    present = {name.lower() for name, _ in response.headers}
    # In one call, because each single assignment scans all existing headers.
    response.headers.extend(
        {name: value for name, value in every.items() if name.lower() not in present}
    )


def _cors(request: Request, origins: Collection[str]) -> dict[str, str]:
    """Matches exact origins; any other origin gets no CORS header at all."""
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
    """Allows whatever headers the browser asks for: clients and tracing add theirs."""
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    requested = request.headers.get("Access-Control-Request-Headers", "")
    allowed = {"Access-Control-Allow-Headers": requested}
    return headers | (allowed if _HEADER_NAMES.fullmatch(requested) else {})


def base_path(request: Request) -> str:
    """`/api/` at REGION-PROJECT.cloudfunctions.net, `/` at any other address."""
    host = request.host.partition(":")[0].lower()
    return f"/{FUNCTION_NAME}/" if host.endswith(FUNCTIONS_DOMAIN) else "/"
