"""The headers of every answer: what a browser may do with it, and whose pages."""

from collections.abc import Collection

from flask import Request, Response

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
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, Idempotency-Key, Accept-Language, "
        "X-Firebase-AppCheck"
    ),
    "Access-Control-Max-Age": "3600",
}
_EXPOSED = "Location, Retry-After, Idempotent-Replayed, X-Request-Id"


def add_headers(
    response: Response, request: Request, request_id: str, origins: Collection[str]
) -> None:
    """What the handler set itself stays."""
    for name, value in _EVERY_ANSWER.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = request_id
    response.headers.update(_cors(request, origins))


def _cors(request: Request, origins: Collection[str]) -> dict[str, str]:
    """Exact origins alone; an origin that isn't ours gets no header at all."""
    origin = request.headers.get("Origin")
    if origin is None or origin not in origins:
        return {"Vary": "Origin"}
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": "Origin",
    }
    return headers | (_PREFLIGHT if request.method == "OPTIONS" else {})
