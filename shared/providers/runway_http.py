"""Runway through plain HTTP: the way that is left when its SDK is what fails."""

import http.client
import io
import json
from urllib.parse import quote

import requests
import urllib3.exceptions

from shared.domain.errors import Unreachable
from shared.domain.outcomes import Poll, PollFailed, Submission
from shared.ports.providers import (
    GenerationRequest,
    TaskRef,
    WebFile,
)
from shared.providers import runway_wire
from shared.providers.paid_post import (
    CONNECT_SECONDS,
    FREE_READ_SECONDS,
    LOCAL_FAULTS,
    READ_SECONDS,
    Fault,
    Faults,
    SendState,
    outcome_of,
)
from shared.providers.redaction import describe

USER_AGENT = "reelay/1"

FAULTS: Faults = {
    requests.ConnectTimeout: Fault.BEFORE_SENDING,
    requests.exceptions.SSLError: Fault.CONNECTING,
    requests.ConnectionError: Fault.SEE_CAUSE,
    requests.exceptions.InvalidURL: Fault.LOCAL,
    requests.exceptions.InvalidHeader: Fault.LOCAL,
    requests.exceptions.InvalidSchema: Fault.LOCAL,
    requests.exceptions.MissingSchema: Fault.LOCAL,
    requests.RequestException: Fault.DOUBTFUL,
    urllib3.exceptions.MaxRetryError: Fault.SEE_CAUSE,
    urllib3.exceptions.NewConnectionError: Fault.BEFORE_SENDING,
    urllib3.exceptions.ConnectTimeoutError: Fault.BEFORE_SENDING,
    urllib3.exceptions.HTTPError: Fault.DOUBTFUL,
    http.client.HTTPException: Fault.DOUBTFUL,
    **LOCAL_FAULTS,
}
_CAUGHT = tuple(FAULTS)


class RunwayHttp:
    """The port `Provider` by `requests`; its tasks are those of the SDK."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._api_key = api_key.strip()
        self._base_url = base_url or runway_wire.BASE_URL
        self._read_seconds = read_seconds

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        secrets = (self._api_key, request.prompt)
        try:
            answer = self._post(request, send_state)
        except _CAUGHT as error:
            return outcome_of(error, FAULTS, send_state, *secrets)
        if 200 <= answer.status_code < 300:
            return runway_wire.accepted(_body(answer))
        return runway_wire.refused(
            answer.status_code, _body(answer), answer.headers, *secrets
        )

    def poll(self, task: TaskRef) -> Poll:
        try:
            return runway_wire.read_task(self._task(task))
        except _CAUGHT as error:
            return PollFailed(detail=describe(error, self._api_key))

    def fetch(self, task: TaskRef) -> WebFile:
        try:
            body = self._task(task)
        except _CAUGHT as error:
            raise Unreachable(describe(error, self._api_key)) from error
        return runway_wire.result(body, self._base_url)

    def cancel(self, task: TaskRef) -> bool:
        try:
            answer = self._send("DELETE", _task_path(task), FREE_READ_SECONDS)
        except _CAUGHT:
            return False
        return answer.status_code in runway_wire.CANCELLED_STATUSES

    def _post(
        self, request: GenerationRequest, send_state: SendState
    ) -> requests.Response:
        content = json.dumps(_create_body(request)).encode()
        body = _WatchedBody(content, send_state)
        return self._send("POST", "/v1/image_to_video", self._read_seconds, body)

    def _task(self, task: TaskRef) -> object:
        answer = self._send("GET", _task_path(task), FREE_READ_SECONDS)
        if answer.status_code != requests.codes.ok:
            raise requests.HTTPError(f"HTTP {answer.status_code}")
        return answer.json()

    def _send(
        self,
        method: str,
        path: str,
        read_seconds: float,
        body: io.BytesIO | None = None,
    ) -> requests.Response:
        with requests.Session() as session:
            # Neither a proxy nor a .netrc of the machine has a say here.
            session.trust_env = False
            return session.request(
                method,
                self._base_url.rstrip("/") + path,
                data=body,
                headers=self._headers(),
                timeout=(CONNECT_SECONDS, read_seconds),
                allow_redirects=False,
            )

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._api_key}",
            "X-Runway-Version": runway_wire.VERSION,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }


class _WatchedBody(io.BytesIO):
    """A body that tells when it is first read: after connecting and the headers.

    Without a body there is no job to take; so up to here nothing was sent, and
    no class of exception says that as surely (an SSLError comes at any time).
    """

    def __init__(self, content: bytes, send_state: SendState) -> None:
        super().__init__(content)
        self._send_state = send_state

    def read(self, size: int | None = -1, /) -> bytes:
        self._send_state.started = True
        return super().read(size)


def _create_body(request: GenerationRequest) -> dict[str, object]:
    body: dict[str, object] = {
        "model": request.model_id,
        "promptImage": runway_wire.data_uri(request),
        "promptText": request.prompt,
        "ratio": runway_wire.ratio(request),
        "duration": request.duration_seconds,
    }
    return body if request.seed is None else body | {"seed": request.seed}


def _task_path(task: TaskRef) -> str:
    return f"/v1/tasks/{quote(task.task_id, safe='')}"


def _body(answer: requests.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return answer.text
