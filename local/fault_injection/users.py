"""A user who repeats each request, with the same key, until it is answered."""

import time
from datetime import UTC, datetime

import requests

from local.fault_injection.plan import JobRequest
from local.identity import user_token

TRIES = 40
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0


class NoAnswerError(RuntimeError):
    """The api never answered as it should; the message has its last answer."""


class User:
    """Calls the api as one user, on a connection of its own for each call."""

    def __init__(self, name: str, *, api: str, project: str) -> None:
        token = user_token(project, name, admin=False, now=datetime.now(UTC))
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}"}

    def create(self, request: JobRequest, image: str) -> str | None:
        """The job's id; None where a cap refuses it."""
        body = request.body | {"image": image}
        answer = self._until((202, 429), "/v1/videos", body, request.key)
        return str(answer.json()["job_id"]) if answer.status_code == 202 else None

    def cancel(self, job_id: str) -> bool:
        """Whether it was accepted; that of an ended job is refused."""
        try:
            return self._post(f"/v1/videos/{job_id}/cancel", {}).status_code == 202
        except requests.RequestException:
            return False

    def upload(self, jpeg: bytes) -> str:
        """The `image` to name in a job. A signed URL takes one image: after an answer
        that was lost, another is needed."""
        size = {"content_type": "image/jpeg", "size": len(jpeg)}
        for _ in range(TRIES):
            upload = self._until((201,), "/v1/uploads", size).json()
            url, headers = upload["upload_url"], upload["headers"]
            try:
                answer = requests.put(url, jpeg, headers=headers, timeout=10)
            except requests.RequestException:
                continue
            if answer.ok:
                return str(upload["image"])
        raise NoAnswerError("the image was never accepted")

    def _until(
        self, wanted: tuple[int, ...], path: str, body: object, key: str = ""
    ) -> requests.Response:
        last = ""
        for _ in range(TRIES):
            try:
                answer = self._post(path, body, key)
            except requests.RequestException as error:
                last = type(error).__name__
            else:
                if answer.status_code in wanted:
                    return answer
                last = f"{answer.status_code} {answer.text[:300]}"
            time.sleep(PAUSE_SECONDS)
        raise NoAnswerError(f"POST {path}: {last}")

    def _post(self, path: str, body: object, key: str = "") -> requests.Response:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        url = self._api + path
        return requests.post(url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
