"""Firebase Hosting as its REST API behaves, for one project, and who may sign in."""

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ops.deploy.world import Answer, Outgoing

UPLOADS = "https://upload-firebasehosting.googleapis.com/upload/v"
Json = dict[str, Any]


@dataclass
class FakeHosting:
    """`refuses`: what stands in the address of a call that is refused.

    A version takes only the files that it was told of, and is released only when it is
    finished. `uploads` counts files that came, `stored` has them by their hash.
    """

    project: str
    is_there: bool = False
    google_sign_in: bool = True
    refuses: str = "#"
    stored: dict[str, bytes] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)
    releases: list[Json] = field(default_factory=list)
    uploads: int = 0

    def answer(self, asked: Outgoing) -> Answer:
        assert asked.headers["Authorization"] == "Bearer ya29.token"
        assert asked.headers["X-Goog-User-Project"] == self.project
        if self.refuses in asked.url:
            return Answer(status=403, body=b"may not")
        if asked.url.startswith(UPLOADS):
            return self._upload(asked)
        url = urlsplit(asked.url)
        body = json.loads(asked.body) if asked.body else {}
        place = url.path.partition("beta1/")[2] or url.path.partition("v2/")[2]
        return self._call(f"{asked.method} {place}", parse_qs(url.query), body)

    def _call(self, call: str, query: dict[str, list[str]], body: Json) -> Answer:
        site = f"sites/{self.project}"
        if call == f"GET projects/{self.project}/{site}":
            return Answer(status=200 if self.is_there else 404)
        if call.endswith("defaultSupportedIdpConfigs/google.com"):
            return _json({"enabled": self.google_sign_in})
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
            return Answer(status=400, body=b"files are missing")
        version |= body
        return _json(version)

    def _upload(self, asked: Outgoing) -> Answer:
        content = asked.body or b""
        digest = asked.url.rpartition("/")[2]
        if hashlib.sha256(content).hexdigest() != digest:
            return Answer(status=400, body=b"another hash")
        self.stored[digest] = gzip.decompress(content)
        self.uploads += 1
        return Answer(status=200)

    def _release(self, query: dict[str, list[str]], body: Json) -> Answer:
        if body.get("type") == "SITE_DISABLE":
            self.releases.append(body)
            return _json(body)
        (version,) = [v for v in self.versions if v["name"] in query["versionName"]]
        if version.get("status") != "FINALIZED":
            return Answer(status=400, body=b"not finished")
        self.releases.append({"type": "DEPLOY", "version": version})
        return _json({})

    @property
    def live(self) -> dict[str, str]:
        """What visitors see, by path; nothing while the site is off."""
        if not self.releases or self.releases[-1]["type"] != "DEPLOY":
            return {}
        files = self.releases[-1]["version"]["files"]
        return {path: self.stored[digest].decode() for path, digest in files.items()}

    @property
    def headers(self) -> dict[str, str]:
        """Those of every path."""
        rules = self.releases[-1]["version"]["config"]["headers"]
        (every,) = [rule["headers"] for rule in rules if rule["glob"] == "**"]
        return dict(every)


def _json(content: object) -> Answer:
    return Answer(status=200, body=json.dumps(content).encode())
