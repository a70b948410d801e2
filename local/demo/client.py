"""A client of the public API for the demo: upload, create, follow, save."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from queue import Queue
from typing import Any

import requests

from local.database import firestore_of
from local.demo.options import DemoError, DemoRequest
from local.identity import user_token
from local.stack import Stack

USER = "demo"
_REQUEST_SECONDS = 60
_CHUNK_BYTES = 1_000_000
_BUSY_SECONDS = (2, 5, 10)
Job = dict[str, Any]


class DemoClient:
    """Calls the stack's API as the user `demo`."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._api = stack, stack.addresses["api"]
        self._session = requests.Session()
        token = user_token(stack.project, USER)
        self._session.headers["Authorization"] = f"Bearer {token}"

    def uploads(self, request: DemoRequest) -> dict[str, str]:
        """Upload the images; return their names by field of the API's request."""
        return {field: self.upload(*file) for field, file in request.images.items()}

    def upload(self, path: Path, content_type: str) -> str:
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
            raise DemoError(f"The image was not accepted: {put.status_code}.")
        return str(upload["image"])

    def call(self, method: str, path: str, body: object = None) -> Job:
        """Send the request, and resend it on 503 under the same idempotency key.

        Raises DemoError if it is refused.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        for seconds in (*_BUSY_SECONDS, 0):
            response = self._session.request(
                method,
                self._api + path,
                json=body,
                headers=headers,
                timeout=_REQUEST_SECONDS,
            )
            if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            time.sleep(seconds)
        content: Job = response.json()
        if not response.ok:
            wrong = [f"{e['field']} {e['message']}" for e in content.get("errors", [])]
            raise DemoError("; ".join([content.get("detail", "Refused"), *wrong]))
        return content

    @contextmanager
    def following(self, job_id: str) -> Iterator[Queue[Job]]:
        """A queue of the job's states from a Firestore listener, within the block."""
        states: Queue[Job] = Queue()
        client = self._firestore()

        def changed(found: list[Any], *_: object) -> None:
            for document in found:
                states.put(document.to_dict() or {})

        watch = client.collection("videos").document(job_id).on_snapshot(changed)
        try:
            yield states
        finally:
            watch.unsubscribe()
            client.close()

    def is_sending(self, job_id: str) -> bool:
        """Whether a paid request is under way whose response is not on record yet."""
        with closing(self._firestore()) as client:
            run = client.document(f"videos/{job_id}/internal/run").get().to_dict() or {}
        return any(a["state"] == "starting" for a in run.get("attempts", []))

    def save(self, job: Mapping[str, Any], folder: Path) -> Path:
        """Save the video atomically as JOB_ID.mp4, and link `latest.mp4` to it."""
        path = folder / f"{job['job_id']}.mp4"
        partial = path.with_suffix(".part")
        url = job["video_url"]
        with requests.get(url, stream=True, timeout=_REQUEST_SECONDS) as response:
            response.raise_for_status()
            with partial.open("wb") as file:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
        partial.replace(path)
        _link(folder / "latest.mp4", path.name)
        return path

    def _firestore(self) -> Any:
        return firestore_of(self._stack.firestore, self._stack.project)

    def close(self) -> None:
        self._session.close()


def _link(link: Path, target: str) -> None:
    with suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(target)
