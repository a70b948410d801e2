"""Which pages of other origins may use the bucket: the same file Terraform reads.

https://cloud.google.com/storage/docs/cors-configurations
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.emulators.cloud_storage.http import Request

CORS_FILE = Path(__file__).resolve().parents[3] / "infra" / "cors.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsRule:
    """One entry of a bucket's CORS; header names are compared in lower case."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    response_headers: tuple[str, ...]
    max_age_seconds: int

    @classmethod
    def from_json(cls, entry: dict[str, Any], origins: Sequence[str]) -> Self:
        return cls(
            origins=tuple(origins),
            methods=tuple(entry["method"]),
            response_headers=tuple(entry["responseHeader"]),
            max_age_seconds=int(entry["maxAgeSeconds"]),
        )

    def allows(self, origin: str, method: str) -> bool:
        return origin in self.origins and method in self.methods


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Exact origins only: no wildcard, whatever was configured."""

    rules: tuple[CorsRule, ...]

    @classmethod
    def load(cls, file: Path, origins: Sequence[str]) -> Self:
        """`origins` take the place of each entry's own; ValueError for a wildcard."""
        if any("*" in origin for origin in origins):
            raise ValueError("an origin is exact: no wildcard")
        entries = json.loads(file.read_text(encoding="utf-8"))
        return cls(rules=tuple(CorsRule.from_json(e, origins) for e in entries))

    def to_json(self) -> list[dict[str, Any]]:
        """As a bucket's resource shows it."""
        return [
            {
                "origin": list(rule.origins),
                "method": list(rule.methods),
                "responseHeader": list(rule.response_headers),
                "maxAgeSeconds": rule.max_age_seconds,
            }
            for rule in self.rules
        ]

    def preflight_headers(self, request: Request) -> dict[str, str]:
        """Empty when the page may not: the browser then refuses by itself."""
        method = request.headers.get("access-control-request-method", "")
        rule = self._rule(request, method)
        asked = request.headers.get("access-control-request-headers", "").lower()
        names = {name.strip() for name in asked.split(",") if name.strip()}
        if rule is None or names - {h.lower() for h in rule.response_headers}:
            return {}
        return {
            **_origin_headers(request),
            "Access-Control-Allow-Methods": ",".join(rule.methods),
            "Access-Control-Allow-Headers": ",".join(rule.response_headers),
            "Access-Control-Max-Age": str(rule.max_age_seconds),
        }

    def response_headers(self, request: Request) -> dict[str, str]:
        rule = self._rule(request, request.method)
        if rule is None:
            return {}
        exposed = ", ".join(rule.response_headers)
        return {
            **_origin_headers(request),
            "Access-Control-Expose-Headers": exposed,
        }

    def _rule(self, request: Request, method: str) -> CorsRule | None:
        origin = request.headers.get("origin", "")
        fitting = (rule for rule in self.rules if rule.allows(origin, method))
        return next(fitting, None)


def _origin_headers(request: Request) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": request.headers["origin"],
        "Vary": "Origin",
    }
