"""CORS of the bucket, from the same file that Terraform reads.

https://cloud.google.com/storage/docs/cors-configurations
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from werkzeug import Request

_FILE = Path(__file__).resolve().parents[3] / "infra" / "cors.json"


class Cors:
    """`origins`: exact ones, which replace those of each entry."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = origins
        self._entries: list[dict[str, Any]] = json.loads(_FILE.read_text())

    def preflight_headers(self, request: Request) -> Mapping[str, str]:
        """Empty if the page may not use the bucket, so that the browser refuses."""
        method = request.headers.get("access-control-request-method", "")
        requested = request.headers.get("access-control-request-headers", "").lower()
        names = {name.strip() for name in requested.split(",") if name.strip()}
        entry = self._entry(request, method)
        if entry is None or names - {h.lower() for h in entry["responseHeader"]}:
            return {}
        return {
            **_origin_headers(request),
            "Access-Control-Allow-Methods": ",".join(entry["method"]),
            "Access-Control-Allow-Headers": ",".join(entry["responseHeader"]),
            "Access-Control-Max-Age": str(entry["maxAgeSeconds"]),
        }

    def response_headers(self, request: Request) -> Mapping[str, str]:
        entry = self._entry(request, request.method)
        if entry is None:
            return {}
        exposed = ", ".join(entry["responseHeader"])
        return _origin_headers(request) | {"Access-Control-Expose-Headers": exposed}

    def _entry(self, request: Request, method: str) -> dict[str, Any] | None:
        if request.headers.get("origin") not in self._origins:
            return None
        return next((e for e in self._entries if method in e["method"]), None)


def _origin_headers(request: Request) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": request.headers["origin"], "Vary": "Origin"}
