"""A fake of Firebase Hosting's REST API for one project, and of sign-in methods."""

import gzip
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ops.deploy.context import HttpRequest, HttpResponse

UPLOADS = "https://upload-firebasehosting.googleapis.com/upload/v"
Json = dict[str, Any]


@dataclass
class FakeHosting:
    """Calls whose URL contains `refuses` are refused.

    A version accepts only the files announced for it, and can be released only once
    finalized. `uploads` counts uploaded files, `stored` has them by hash.
    """

    project: str
    is_there: bool = False
    google_sign_in: bool = True
    has_users: bool = False
    refuses: str = "#"
    stored: dict[str, bytes] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)
    releases: list[Json] = field(default_factory=list)
    uploads: int = 0

    def answer(self, request: HttpRequest) -> HttpResponse:
        assert request.headers["Authorization"] == "Bearer ya29.token"
        assert request.headers["X-Goog-User-Project"] == self.project
        if self.refuses in request.url:
            return HttpResponse(status=403, body=b"may not")
        if request.url.startswith(UPLOADS):
            return self._upload(request)
        url = urlsplit(request.url)
        body = json.loads(request.body) if request.body else {}
        place = url.path.partition("beta1/")[2] or url.path.partition("v2/")[2]
        return self._call(f"{request.method} {place}", parse_qs(url.query), body)

    def _call(self, call: str, query: dict[str, list[str]], body: Json) -> HttpResponse:
        site = f"sites/{self.project}"
        if call == f"GET projects/{self.project}/{site}":
            return HttpResponse(status=200 if self.is_there else 404)
        if call.endswith("defaultSupportedIdpConfigs/google.com"):
            return _json({"enabled": self.google_sign_in})
        if call == f"GET projects/{self.project}/config":
            return HttpResponse(status=200 if self.has_users else 404)
        if call == f"GET {site}/channels/live/releases":
            return _json({"releases": self.releases[-1:]})
        if call == f"POST {site}/versions":
            version = body | {"name": f"{site}/versions/{len(self.versions)}"}
            self.versions.append(version)
            return _json(version)
        if call == f"POST {site}/releases":
            return self._release(query, body)
        version = self.versions[-1]
        if call == f"POST {version['name']}:populateFiles":
            version["files"] = body["files"]
            missing = set(body["files"].values()) - self.stored.keys()
            return _json(
                {"uploadRequiredHashes": sorted(missing), "uploadUrl": UPLOADS}
            )
        assert call == f"PATCH {version['name']}", call
        assert query == {"update_mask": ["status"]}
        if not set(version["files"].values()) <= self.stored.keys():
            return HttpResponse(status=400, body=b"files are missing")
        version |= body
        return _json(version)

    def _upload(self, request: HttpRequest) -> HttpResponse:
        content = request.body or b""
        digest = request.url.rpartition("/")[2]
        if hashlib.sha256(content).hexdigest() != digest:
            return HttpResponse(status=400, body=b"another hash")
        self.stored[digest] = gzip.decompress(content)
        self.uploads += 1
        return HttpResponse(status=200)

    def _release(self, query: dict[str, list[str]], body: Json) -> HttpResponse:
        if body.get("type") == "SITE_DISABLE":
            self.releases.append(body)
            return _json(body)
        (version,) = [v for v in self.versions if v["name"] in query["versionName"]]
        if version.get("status") != "FINALIZED":
            return HttpResponse(status=400, body=b"not finished")
        self.releases.append({"type": "DEPLOY", "version": version})
        return _json({})

    @property
    def live(self) -> dict[str, str]:
        """The files that visitors see, by path; none while the site is off."""
        if not self.releases or self.releases[-1]["type"] != "DEPLOY":
            return {}
        files = self.releases[-1]["version"]["files"]
        return {path: self.stored[digest].decode() for path, digest in files.items()}

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every path."""
        rules = self.releases[-1]["version"]["config"]["headers"]
        (every,) = [rule["headers"] for rule in rules if rule["glob"] == "**"]
        return dict(every)

    def get(self, path: str) -> tuple[str | None, str]:
        """The file shown at `path`, None for a 404; and its `Cache-Control`.

        A 404 has the headers of its path, then those of the page for a 404.
        """
        config, shown, matched = self.releases[-1]["version"]["config"], None, [path]
        if path in self.live:
            shown = path
        for rule in config["rewrites"]:
            if not shown and _matches(rule["glob"], path):
                shown = rule["path"]
        if not shown:
            matched.append("/404.html")
        rules = [
            r for at in matched for r in config["headers"] if _matches(r["glob"], at)
        ]
        found = [r["headers"].get("Cache-Control") for r in rules]
        return shown, [one for one in found if one][-1]


def _matches(glob: str, path: str) -> bool:
    """Only what firebase.json uses: a leading !, @(a|b) and **."""
    pattern = re.escape(glob.lstrip("!").lstrip("/"))
    for escaped, meant in ((r"@\(", "("), (r"\|", "|"), (r"\)", ")"), (r"\*\*", ".*")):
        pattern = pattern.replace(escaped, meant)
    is_match = re.fullmatch(pattern, path.lstrip("/")) is not None
    return is_match != glob.startswith("!")


def _json(content: object) -> HttpResponse:
    return HttpResponse(status=200, body=json.dumps(content).encode())
