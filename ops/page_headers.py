"""The page's response headers, which firebase.json defines for Firebase Hosting."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

FIREBASE_JSON = Path(__file__).resolve().parents[1] / "firebase.json"
POLICY = "Content-Security-Policy"
EVERY_PATH = "**"
# Wildcards in firebase.json, which is the same for all projects.
ANY_API = "https://*.cloudfunctions.net"
ANY_AUTH = "https://*.firebaseapp.com"
Sources = Mapping[str, Sequence[str]]


def hosting() -> Mapping[str, Any]:
    content: dict[str, dict[str, Any]] = json.loads(FIREBASE_JSON.read_text())
    return content["hosting"]


def narrowed(
    headers: Iterable[Mapping[str, str]], *, api: str, auth: str
) -> dict[str, str]:
    """A rule's headers, with one project's own origins instead of the wildcards."""
    return {
        header["key"]: header["value"].replace(ANY_API, api).replace(ANY_AUTH, auth)
        for header in headers
    }


def on_one_machine(sources: Sources) -> dict[str, str]:
    """The headers of every path on a developer's machine.

    `sources`, by directive of the policy, replace Google's hosts.
    """
    (rule,) = [r for r in hosting()["headers"] if r["source"] == EVERY_PATH]
    headers = {header["key"]: header["value"] for header in rule["headers"]}
    directives = []
    for directive in headers[POLICY].split("; "):
        name, *allowed = directive.split()
        own = [source for source in allowed if not source.startswith("https://")]
        directives.append(" ".join([name, *own, *sources.get(name, ())]))
    return headers | {POLICY: "; ".join(directives)}
