"""Plain HTTP as a transport to Runway, for when its SDK is what fails."""

import http.client
import io
import json
from typing import Any
from urllib.parse import quote

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from shared.cutoff import Cutoff
from shared.providers import answer_limits, runway_wire
from shared.providers.paid_post import (
    CONNECT_SECONDS,
    LOCAL_FAULTS,
    Fault,
    Faults,
    SendState,
    cutoff,
)
from shared.providers.rejection import Answer
from shared.providers.runway_wire import VideoTask

USER_AGENT = "reelay/1"
_CHUNK_BYTES = 64 * 1024

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


class HttpTransport:
    faults = FAULTS

    def __init__(self, *, api_key: str, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "X-Runway-Version": runway_wire.VERSION,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            **answer_limits.ACCEPT_PLAIN,
        }

    def create(
        self, body: VideoTask, *, read_seconds: float, send_state: SendState
    ) -> Answer:
        content = _WatchedBody(json.dumps(_fields(body)).encode(), send_state)
        kind = "image_to_video" if body.prompt_image else "text_to_video"
        return self._send("POST", f"/v1/{kind}", read_seconds, content)

    def retrieve(self, task_id: str, *, read_seconds: float) -> Answer:
        return self._send("GET", _task_path(task_id), read_seconds)

    def delete(self, task_id: str, *, read_seconds: float) -> Answer:
        return self._send("DELETE", _task_path(task_id), read_seconds)

    def _send(
        self,
        method: str,
        path: str,
        read_seconds: float,
        body: io.BytesIO | None = None,
    ) -> Answer:
        with cutoff(read_seconds) as limit, requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Watched(limit))
            # Neither a proxy nor a .netrc of the machine has a say here.
            session.trust_env = False
            response = session.request(
                method,
                self._base_url + path,
                data=body,
                headers=self._headers,
                timeout=(CONNECT_SECONDS, read_seconds),
                allow_redirects=False,
                stream=True,
            )
            content = _content(response)
        return Answer(
            status=response.status_code,
            body=_parsed(content),
            headers=response.headers,
        )


class _Watched(HTTPAdapter):
    """Shows each connection's socket to a cutoff. By itself it retries nothing."""

    def __init__(self, limit: Cutoff) -> None:
        super().__init__()
        self._limit = limit

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        make = pool.ConnectionCls

        def watched(*args: Any, **kwargs: Any) -> Any:
            connection = make(*args, **kwargs)
            connect = connection.connect

            def connect_and_show() -> None:
                connect()
                self._limit.watch(connection.sock)

            connection.connect = connect_and_show
            return connection

        pool.ConnectionCls = watched
        return pool


class _WatchedBody(io.BytesIO):
    """A body that notes when it is first read: after connecting and the headers.

    Without a body there is no job to take, so until then nothing was sent. No class
    of exception says that as surely: an SSLError comes at any time.
    """

    def __init__(self, content: bytes, send_state: SendState) -> None:
        super().__init__(content)
        self._send_state = send_state

    def read(self, size: int | None = -1, /) -> bytes:
        self._send_state.started = True
        return super().read(size)


def _fields(body: VideoTask) -> dict[str, object]:
    fields: dict[str, object] = {
        "model": body.model,
        "promptImage": body.prompt_image,
        "promptText": body.prompt_text,
        "ratio": body.ratio,
        "duration": body.duration,
        "seed": body.seed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _task_path(task_id: str) -> str:
    return f"/v1/tasks/{quote(task_id, safe='')}"


def _content(response: requests.Response) -> bytes:
    # Nothing is unpacked, and `read` would wait for a whole chunk, however slowly.
    chunks = iter(lambda: response.raw.read1(_CHUNK_BYTES, decode_content=False), b"")
    return b"".join(
        answer_limits.limited(
            chunks,
            most_bytes=answer_limits.MOST_BYTES,
            error=requests.RequestException,
        )
    )


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
