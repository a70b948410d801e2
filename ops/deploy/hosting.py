"""A client of Firebase Hosting's REST API: publishes a page, and switches a site off.

https://firebase.google.com/docs/hosting/api-deploy and
https://firebase.google.com/docs/reference/hosting/rest, 2026-11-29
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ops.deploy.context import Context, DeployError, HttpResponse
from ops.deploy.google_rest import GoogleRest

HOSTING = "https://firebasehosting.googleapis.com/v1beta1"
SIGN_IN = "https://identitytoolkit.googleapis.com/admin/v2"
# A label's value has at most 63 characters.
_LABEL, _LABEL_LENGTH = "content", 40
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Files by path, and how they are served: headers and rewrites."""

    files: Mapping[str, bytes]
    config: Json

    @property
    def digest(self) -> str:
        hashes = {path: _sha256(content) for path, content in self.files.items()}
        text = json.dumps([hashes, self.config], sort_keys=True)
        return _sha256(text.encode())[:_LABEL_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Site:
    """The project's default site. Methods raise DeployError if Google refuses."""

    context: Context
    project: str

    @cached_property
    def _rest(self) -> GoogleRest:
        return GoogleRest(context=self.context, project=self.project)

    @property
    def _path(self) -> str:
        return f"{HOSTING}/sites/{self.project}"

    def has_google_sign_in(self) -> bool:
        """Whether Google sign-in is on.

        Only a person can switch it on: the console creates its OAuth client.
        """
        where = f"projects/{self.project}/defaultSupportedIdpConfigs/google.com"
        response = self._rest.call("GET", f"{SIGN_IN}/{where}")
        return (
            response.status == 200 and json.loads(response.body).get("enabled") is True
        )

    def publish(self, content: Content) -> bool:
        """Publish atomically; return False if this content is live already.

        Visitors see all of it, or what was there before.
        """
        if self._live_digest() == content.digest:
            return False
        labels = {_LABEL: content.digest}
        made = {"config": content.config, "labels": labels}
        version = self._call_or_fail("POST", f"{self._path}/versions", made)["name"]
        self._upload(version, content.files)
        done = {"status": "FINALIZED"}
        self._call_or_fail("PATCH", f"{HOSTING}/{version}?update_mask=status", done)
        self._call_or_fail("POST", f"{self._path}/releases?versionName={version}", {})
        return True

    def switch_off(self) -> None:
        """Have its address answer 404 until something is published again."""
        self._call_or_fail("POST", f"{self._path}/releases", {"type": "SITE_DISABLE"})

    def _live_digest(self) -> str:
        live = f"{self._path}/channels/live/releases?pageSize=1"
        response = self._rest.call("GET", live)
        if response.status != 200:
            return ""
        for release in json.loads(response.body).get("releases", []):
            if release.get("type") == "DEPLOY":
                return str(release["version"].get("labels", {}).get(_LABEL, ""))
        return ""

    def _upload(self, version: str, files: Mapping[str, bytes]) -> None:
        """Upload what Hosting does not have yet, gzipped, as it stores files."""
        packed = {path: gzip.compress(files[path], mtime=0) for path in sorted(files)}
        hashes = {path: _sha256(content) for path, content in packed.items()}
        by_hash = {hashes[path]: content for path, content in packed.items()}
        url = f"{HOSTING}/{version}:populateFiles"
        wanted = self._call_or_fail("POST", url, {"files": hashes})
        for digest in wanted.get("uploadRequiredHashes", []):
            kind = "application/octet-stream"
            place = f"{wanted['uploadUrl']}/{digest}"
            _require(self._rest.call("POST", place, by_hash[digest], kind))

    def _call_or_fail(self, method: str, url: str, body: Json) -> Any:
        return json.loads(
            _require(self._rest.call(method, url, json.dumps(body).encode()))
        )


def _require(response: HttpResponse) -> bytes:
    if response.status == 200:
        return response.body
    text = response.body.decode(errors="replace").strip()
    raise DeployError(
        f"Firebase Hosting answered {response.status or 'nothing'}: {text}\n"
        "The service runs; for the page, run the same command again."
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
