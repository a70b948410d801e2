"""The demo's way through the public contract: upload, create, follow, save."""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from queue import Queue
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.demo.options import Asked, Refused
from local.identity import user_token
from local.stack import Stack

USER = "demo"
_EMULATOR = "FIRESTORE_EMULATOR_HOST"
_REQUEST_SECONDS = 60
_CHUNK_BYTES = 1_000_000
_BUSY_SECONDS = (2, 5, 10)
Job = dict[str, Any]


class DemoClient:
    """A user of the stack's api, with a token of its own."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._api = stack, stack.addresses["api"]
        self._session = requests.Session()
        token = user_token(stack.project, USER, admin=False, now=datetime.now(UTC))
        self._session.headers["Authorization"] = f"Bearer {token}"

    def uploads(self, asked: Asked) -> dict[str, str]:
        """The images, uploaded, by their field of the request."""
        return {field: self._upload(*file) for field, file in asked.images.items()}

    def _upload(self, path: Path, content_type: str) -> str:
        content = path.read_bytes()
        wanted = {"content_type": content_type, "size": len(content)}
        upload = self.call("POST", "/v1/uploads", wanted)
        put = requests.put(
            upload["upload_url"],
            data=content,
            headers=upload["headers"],
            timeout=_REQUEST_SECONDS,
        )
        if not put.ok:
            raise Refused(f"The image was not taken: {put.status_code}.")
        return str(upload["image"])

    def call(self, method: str, path: str, body: object = None) -> Job:
        """While the stack is busy, it is sent again: under its key, it is one job."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        for seconds in (*_BUSY_SECONDS, 0):
            answer = self._session.request(
                method,
                self._api + path,
                json=body,
                headers=headers,
                timeout=_REQUEST_SECONDS,
            )
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            time.sleep(seconds)
        content: Job = answer.json()
        if not answer.ok:
            wrong = [f"{e['field']} {e['message']}" for e in content.get("errors", [])]
            raise Refused("; ".join([content.get("detail", "Refused"), *wrong]))
        return content

    @contextmanager
    def following(self, job_id: str) -> Iterator[Queue[Job]]:
        """Each state that the Firestore listener brings, as long as the block runs."""
        news: Queue[Job] = Queue()
        client = firestore_of(self._stack)

        def changed(found: list[Any], *_: object) -> None:
            for document in found:
                news.put(document.to_dict() or {})

        watch = client.collection("videos").document(job_id).on_snapshot(changed)
        try:
            yield news
        finally:
            watch.unsubscribe()
            client.close()

    def is_sending(self, job_id: str) -> bool:
        """Whether a paid request is under way whose answer is not on record yet."""
        client = firestore_of(self._stack)
        try:
            run = client.document(f"videos/{job_id}/internal/run").get().to_dict() or {}
        finally:
            client.close()
        return any(a["state"] == "starting" for a in run.get("attempts", []))

    def save(self, job: Mapping[str, Any], folder: Path) -> Path:
        """As JOB_ID.mp4, whole or not at all; `latest.mp4` leads to it."""
        path = folder / f"{job['job_id']}.mp4"
        partial = path.with_suffix(".part")
        url = job["video_url"]
        with requests.get(url, stream=True, timeout=_REQUEST_SECONDS) as answer:
            answer.raise_for_status()
            with partial.open("wb") as file:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
        partial.replace(path)
        _point(folder / "latest.mp4", path.name)
        return path

    def close(self) -> None:
        self._session.close()


def firestore_of(stack: Stack) -> Any:
    """A client of the stack's emulator, as its owner."""
    # The client reads where an emulator is from the environment, as it is made.
    before = os.environ.get(_EMULATOR)
    os.environ[_EMULATOR] = stack.firestore
    make: Callable[..., Any] = firestore.Client
    try:
        return make(project=stack.project, credentials=AnonymousCredentials())
    finally:
        del os.environ[_EMULATOR]
        os.environ.update({_EMULATOR: before} if before else {})


def _point(link: Path, target: str) -> None:
    with suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(target)
