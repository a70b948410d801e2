"""The response headers of the page, as firebase.json has them for Firebase Hosting."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FIREBASE_JSON = Path(__file__).resolve().parents[1] / "firebase.json"
POLICY = "Content-Security-Policy"
EVERY_PATH = "**"
Sources = Mapping[str, Sequence[str]]


def hosting() -> Mapping[str, Any]:
    content: dict[str, dict[str, Any]] = json.loads(FIREBASE_JSON.read_text())
    return content["hosting"]


def headers_of(source: str) -> dict[str, str]:
    """Those of the rule with this pattern of paths."""
    (rule,) = [r for r in hosting()["headers"] if r["source"] == source]
    return {header["key"]: header["value"] for header in rule["headers"]}


def on_one_machine(sources: Sources) -> dict[str, str]:
    """Of every path; by directive, `sources` stand in the place of Google's hosts."""
    headers = headers_of(EVERY_PATH)
    directives = []
    for directive in headers[POLICY].split("; "):
        name, *allowed = directive.split()
        own = [source for source in allowed if not source.startswith("https://")]
        directives.append(" ".join([name, *own, *sources.get(name, ())]))
    return headers | {POLICY: "; ".join(directives)}
