"""A client of a running stack: HTTP to the api, and queries to the simulators."""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import psutil
import requests

from local.identity import user_token
from local.stack import ROOT, Stack
from shared.domain.catalogue import CATALOGUE, Resolution

IMAGE = Path(__file__).parents[2] / "local" / "raccoon.jpg"
Video = dict[str, Any]
BUSY = ("unavailable", "too_many_requests")


def list_usd(model_id: str) -> Decimal:
    """What the catalogue says that a second at 720p costs."""
    return CATALOGUE[model_id].usd_per_second[Resolution.P720]


def _is_busy(answer: requests.Response) -> bool:
    return not answer.ok and answer.json()["code"] in BUSY


def _has_ended(video: Video) -> bool:
    return bool(video["status"] != "processing")


class Frontend:
    """One user of a running stack."""

    def __init__(
        self, stack: Stack, user: str = "min-ji", *, admin: bool = False
    ) -> None:
        self.stack = stack
        token = user_token(stack.project, user, admin=admin)
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, body: object = None) -> requests.Response:
        url = self.stack.addresses["api"] + path
        return requests.request(
            method, url, json=body, headers=self.headers, timeout=100
        )

    def retry(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> requests.Response:
        """Call again while the stack is too busy, as clients do."""
        caller = copy(self)
        caller.headers = self.headers | headers
        while _is_busy(answer := caller.call(method, path, body)):
            time.sleep(0.2)
        return answer

    def upload(self, content: bytes, content_type: str = "image/jpeg") -> str:
        asked = {"content_type": content_type, "size": len(content)}
        answer = self.retry("POST", "/v1/uploads", asked)
        assert answer.status_code == 201, answer.text
        upload = answer.json()
        requests.put(
            upload["upload_url"], content, headers=upload["headers"], timeout=100
        ).raise_for_status()
        return str(upload["image"])

    def create(self, **body: object) -> Video:
        if "image" not in body and "image_url" not in body:
            body["image"] = self.upload(IMAGE.read_bytes())
        body = {"prompt": f"a raccoon looks up, {time.time_ns()}", "duration": 5} | body
        key = {"Idempotency-Key": uuid4().hex}
        answer = self.retry("POST", "/v1/videos", body, **key)
        assert answer.status_code == 202, answer.text
        video: Video = answer.json()
        return video

    def get(self, video: Mapping[str, Any]) -> Video:
        answer: Video = self.retry("GET", f"/v1/videos/{video['job_id']}").json()
        return answer

    def wait(
        self,
        video: Mapping[str, Any],
        until: Callable[[Video], bool] | None = None,
        timeout_seconds: float = 400,
    ) -> Video:
        """Wait until the video has ended, or until `until`; returns its last state."""
        give_up_at = time.monotonic() + timeout_seconds
        reached, pause = (until, 0.1) if until else (_has_ended, 0.4)
        while not reached(now := self.get(video)):
            assert time.monotonic() < give_up_at, now
            time.sleep(pause)
        return now


class Server(Frontend):
    """A server with an API key that an operator created for `user`.

    It verifies its webhooks with `webhook_secret`.
    """

    def __init__(self, stack: Stack, user: str = "so-yeon") -> None:
        super().__init__(stack, user)
        address = stack.addresses["firestore"]
        made = subprocess.run(
            [
                *(sys.executable, "-m", "local", "key", "make", user),
                *("--project", stack.project),
            ],
            env=os.environ | {"FIRESTORE_EMULATOR_HOST": address},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        self.api_key = made.stdout.strip()
        self.headers = {"Authorization": f"Bearer {self.api_key}"}
        (self.webhook_secret,) = re.findall(r"whsec_\S+", made.stderr)


def wait_for(true: Callable[[], bool], timeout_seconds: float = 400) -> None:
    give_up_at = time.monotonic() + timeout_seconds
    while not true():
        assert time.monotonic() < give_up_at, "it never came true"
        time.sleep(0.2)


def are_left(text: str) -> bool:
    """Whether a process has this text in its command or environment."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if text in f"{process.cmdline()} {process.environ()}":
                return True
    return False


def submissions(stack: Stack, prompt: str) -> list[dict[str, Any]]:
    """The submissions that the simulators charged for this prompt."""
    return [
        submission
        for vendor in ("runway", "google")
        for submission in requests.get(
            stack.addresses[vendor] + "/_control/submissions", timeout=100
        ).json()["submissions"]
        if submission["prompt"] == prompt
    ]


def set_faults(stack: Stack, faults: list[dict[str, Any]]) -> None:
    for vendor in ("runway", "google"):
        url = stack.addresses[vendor] + "/_control/faults"
        requests.delete(url, timeout=100).raise_for_status()
        if faults:
            requests.post(url, json=faults, timeout=100).raise_for_status()


def close_circuits(stack: Stack) -> None:
    """Close the circuits that one test opened, for the next one."""
    root = f"http://{stack.addresses['firestore']}/v1/"
    documents = f"projects/{stack.project}/databases/(default)/documents/circuits"
    owner = {"Authorization": "Bearer owner"}
    found = requests.get(root + documents, headers=owner, timeout=100).json()
    for document in found.get("documents", []):
        requests.delete(root + document["name"], headers=owner, timeout=100)


def played(url: str) -> dict[str, object]:
    """Decode every frame of the MP4 at `url`; returns its facts."""
    answer = requests.get(url, timeout=100)
    answer.raise_for_status()
    with av.open(io.BytesIO(answer.content), "r") as video:
        stream = video.streams.video[0]
        frames = sum(1 for _ in video.decode(stream))
        return {
            "codec": stream.codec_context.name,
            "size": (stream.width, stream.height),
            "seconds": round(float(video.duration or 0) / av.time_base, 1),
            "sound": bool(video.streams.audio),
            "frames": frames,
        }
