"""A user in bad weather: asks again with the same key until there is an answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from local.fault_injection.plan import Asked
from local.identity import user_token

TRIES = 40
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0
ACCEPTED, TOO_MANY_REQUESTS = 202, 429


class NoAnswerError(RuntimeError):
    """The api never answered: the message says what it answered last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """`job_id` is None where the answer was 429."""

    key: str
    job_id: str | None


class User:
    """Calls the api as one user, on a connection of its own for each call."""

    def __init__(self, name: str, *, api: str, project: str) -> None:
        token = user_token(project, name, admin=False, now=datetime.now(UTC))
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}"}

    def create(self, asked: Asked, image: str) -> Answered:
        """202 or 429; whatever else comes is asked again."""
        body = asked.body | {"image": image}
        key = f"chaos-{asked.number}"
        answer = self._until((ACCEPTED, TOO_MANY_REQUESTS), "/v1/videos", body, key)
        accepted = answer.status_code == ACCEPTED
        return Answered(key=key, job_id=answer.json()["job_id"] if accepted else None)

    def cancel(self, job_id: str) -> bool:
        """Whether it was taken; an ended job's is refused."""
        try:
            answer = self._post(f"/v1/videos/{job_id}/cancel", {}, "")
        except requests.RequestException:
            return False
        return answer.status_code == ACCEPTED

    def upload(self, jpeg: bytes) -> str:
        """The `image` to name in a job."""
        asked = {"content_type": "image/jpeg", "size": len(jpeg)}
        for _ in range(TRIES):
            upload = self._until((201,), "/v1/uploads", asked, "").json()
            if _is_sent(upload, jpeg):
                return str(upload["image"])
            time.sleep(PAUSE_SECONDS)
        raise NoAnswerError("the image was never taken")

    def _until(
        self, wanted: tuple[int, ...], path: str, body: object, key: str
    ) -> requests.Response:
        last = "nothing"
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

    def _post(self, path: str, body: object, key: str) -> requests.Response:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        return requests.post(
            self._api + path, json=body, headers=headers, timeout=TIMEOUT_SECONDS
        )


def _is_sent(upload: Mapping[str, Any], jpeg: bytes) -> bool:
    """An address takes one image: where the answer got lost, another is asked for."""
    url, headers = upload["upload_url"], upload["headers"]
    try:
        answer = requests.put(url, jpeg, headers=headers, timeout=TIMEOUT_SECONDS)
    except requests.RequestException:
        return False
    return answer.ok
