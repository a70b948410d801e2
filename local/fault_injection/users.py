"""A user who retries each request, under the same key, until it is answered."""

import time
from collections.abc import Collection

import requests

from local.fault_injection.plan import PlannedJob
from local.identity import user_token

TRIES = 40
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0


class NoResponseError(RuntimeError):
    """A request never got an expected response; the message has the last one."""


class User:
    """Calls the api as one user, with a new connection for each call."""

    def __init__(
        self, name: str, *, api: str, project: str, key: str | None = None
    ) -> None:
        """`key`: an API key of theirs, for webhooks and instead of an ID token."""
        token = key or user_token(project, name)
        self._api = api
        self._has_webhooks = key is not None
        self._headers = {"Authorization": f"Bearer {token}"}

    def create(self, request: PlannedJob, image: str) -> str | None:
        """Create a job; return its id, or None if a cap refuses it."""
        body = {"prompt": request.prompt, "model": request.model, "duration": 3}
        if self._has_webhooks:
            body["webhook_url"] = "https://receiver.example/"
        headers = {"Idempotency-Key": key_of(request)}
        response = self._until(
            {202, 429}, "/v1/videos", json=body | {"image": image}, headers=headers
        )
        return str(response.json()["job_id"]) if response.status_code == 202 else None

    def cancel(self, job_id: str) -> None:
        """Cancel a job. Also accepts a refusal because the job has ended."""
        self._until({202, 409}, f"/v1/videos/{job_id}/cancel", json={})

    def upload(self, jpeg: bytes) -> str:
        """Upload an image; return its name for a job.

        A signed URL takes one image, so a lost response needs another URL.
        """
        size = {"content_type": "image/jpeg", "size": len(jpeg)}
        for _ in range(TRIES):
            upload = self._until({201}, "/v1/uploads", json=size).json()
            url, headers = upload["upload_url"], upload["headers"]
            try:
                if requests.put(url, jpeg, headers=headers, timeout=10).ok:
                    return str(upload["image"])
            except requests.RequestException:
                time.sleep(PAUSE_SECONDS)
        raise NoResponseError("the image was never accepted")

    def _until(
        self,
        wanted: Collection[int],
        path: str,
        *,
        json: object,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        last = ""
        own = self._headers | (headers or {})
        for _ in range(TRIES):
            try:
                response = requests.post(
                    self._api + path, json=json, headers=own, timeout=TIMEOUT_SECONDS
                )
                if response.status_code in wanted:
                    return response
                last = f"{response.status_code} {response.text[:300]}"
            except requests.RequestException as error:
                last = type(error).__name__
            time.sleep(PAUSE_SECONDS)
        raise NoResponseError(f"POST {path}: {last}")


def key_of(request: PlannedJob) -> str:
    return f"chaos-{request.number}"
