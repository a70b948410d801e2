"""A user who repeats each request, with the same key, until it is answered."""

import time
from collections.abc import Collection
from datetime import UTC, datetime

import requests

from local.fault_injection.plan import JobRequest
from local.identity import user_token

TRIES = 40
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0


class NoAnswerError(RuntimeError):
    """A request was never answered as it should be; the message has the last answer."""


class User:
    """Calls the api as one user, on a connection of its own for each call."""

    def __init__(
        self, name: str, *, api: str, project: str, key: str | None = None
    ) -> None:
        """`key`: an API key of theirs, used instead of an ID token."""
        token = key or user_token(project, name, admin=False, now=datetime.now(UTC))
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}"}

    def create(self, request: JobRequest, image: str) -> str | None:
        """The job's id; None where a cap refuses it."""
        body = {"prompt": request.prompt, "model": request.model, "duration": 3}
        if request.has_webhook:
            body["webhook_url"] = "https://receiver.example/"
        headers = {"Idempotency-Key": key_of(request)}
        answer = self._until(
            {202, 429}, "/v1/videos", json=body | {"image": image}, headers=headers
        )
        return str(answer.json()["job_id"]) if answer.status_code == 202 else None

    def cancel(self, job_id: str) -> None:
        """Accepted, or refused because the job has ended."""
        self._until({202, 409}, f"/v1/videos/{job_id}/cancel", json={})

    def upload(self, jpeg: bytes) -> str:
        """The `image` to name in a job. A signed URL takes one image: after an answer
        that was lost, another is needed."""
        size = {"content_type": "image/jpeg", "size": len(jpeg)}
        for _ in range(TRIES):
            upload = self._until({201}, "/v1/uploads", json=size).json()
            url, headers = upload["upload_url"], upload["headers"]
            try:
                if requests.put(url, jpeg, headers=headers, timeout=10).ok:
                    return str(upload["image"])
            except requests.RequestException:
                time.sleep(PAUSE_SECONDS)
        raise NoAnswerError("the image was never accepted")

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
                answer = requests.post(
                    self._api + path, json=json, headers=own, timeout=TIMEOUT_SECONDS
                )
                if answer.status_code in wanted:
                    return answer
                last = f"{answer.status_code} {answer.text[:300]}"
            except requests.RequestException as error:
                last = type(error).__name__
            time.sleep(PAUSE_SECONDS)
        raise NoAnswerError(f"POST {path}: {last}")


def key_of(request: JobRequest) -> str:
    return f"chaos-{request.number}"
