"""Which pages of other origins may use the bucket: the same file Terraform reads.

https://cloud.google.com/storage/docs/cors-configurations
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug import Request

_FILE = Path(__file__).resolve().parents[3] / "infra" / "cors.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Exact origins only."""

    entries: Sequence[dict[str, Any]]
    origins: Sequence[str]

    @classmethod
    def of(cls, origins: Sequence[str]) -> "Cors":
        """`origins` take the place of each entry's own; ValueError for a wildcard."""
        if any("*" in origin for origin in origins):
            raise ValueError("an origin is exact: no wildcard")
        return cls(entries=json.loads(_FILE.read_text()), origins=origins)

    def preflight_headers(self, request: Request) -> Mapping[str, str]:
        """Empty when the page may not: the browser then refuses by itself."""
        method = request.headers.get("access-control-request-method", "")
        asked = request.headers.get("access-control-request-headers", "").lower()
        names = {name.strip() for name in asked.split(",") if name.strip()}
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
        if request.headers.get("origin") not in self.origins:
            return None
        return next((e for e in self.entries if method in e["method"]), None)


def _origin_headers(request: Request) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": request.headers["origin"],
        "Vary": "Origin",
    }
