"""The transport to Runway over plain HTTP, in case its SDK is what fails."""

import http.client
import io
import json
from typing import Any
from urllib.parse import quote

import requests
import urllib3.exceptions
from msgspec import to_builtins
from requests.adapters import HTTPAdapter

from shared.cutoff import Cutoff
from shared.providers import response_limits, runway_wire
from shared.providers.paid_post import (
    CONNECT_SECONDS,
    FREE_READ_SECONDS,
    LOCAL_FAULTS,
    READ_SECONDS,
    Fault,
    Faults,
    SendState,
    cutoff,
)
from shared.providers.rejection import HttpResponse, parsed
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
            **response_limits.ACCEPT_PLAIN,
        }

    def create(self, body: VideoTask, send_state: SendState) -> HttpResponse:
        content = _WatchedBody(json.dumps(to_builtins(body)).encode(), send_state)
        kind = "image_to_video" if body.prompt_image else "text_to_video"
        return self._send("POST", f"/v1/{kind}", READ_SECONDS, content)

    def retrieve(self, task_id: str) -> HttpResponse:
        return self._send("GET", _task_path(task_id), FREE_READ_SECONDS)

    def delete(self, task_id: str) -> HttpResponse:
        return self._send("DELETE", _task_path(task_id), FREE_READ_SECONDS)

    def _send(
        self,
        method: str,
        path: str,
        read_seconds: float,
        body: io.BytesIO | None = None,
    ) -> HttpResponse:
        with cutoff(read_seconds) as limit, requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Watched(limit))
            # Ignore proxies in the environment, and the machine's .netrc.
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
        return HttpResponse(
            status=response.status_code, body=parsed(content), headers=response.headers
        )


class _Watched(HTTPAdapter):
    """Gives each connection's socket to a cutoff. HTTPAdapter retries nothing."""

    def __init__(self, limit: Cutoff) -> None:
        super().__init__()
        self._limit = limit

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        make = pool.ConnectionCls

        def watched(*args: Any, **kwargs: Any) -> Any:
            connection = make(*args, **kwargs)
            connect = connection.connect

            def connect_and_watch() -> None:
                connect()
                self._limit.watch(connection.sock)

            connection.connect = connect_and_watch
            return connection

        pool.ConnectionCls = watched
        return pool


class _WatchedBody(io.BytesIO):
    """A body that records when it is first read, which is after the headers are sent.

    Without a body there is no job to accept, so until then nothing counts as sent. No
    exception's class says that as reliably: an SSLError can occur at any time.
    """

    def __init__(self, content: bytes, send_state: SendState) -> None:
        super().__init__(content)
        self._send_state = send_state

    def read(self, size: int | None = -1, /) -> bytes:
        self._send_state.started = True
        return super().read(size)


def _task_path(task_id: str) -> str:
    return f"/v1/tasks/{quote(task_id, safe='')}"


def _content(response: requests.Response) -> bytes:
    # requests never lets it decompress. `read` would wait for a whole chunk.
    chunks = iter(lambda: response.raw.read1(_CHUNK_BYTES), b"")
    return b"".join(
        response_limits.limit_bytes(
            chunks, max_bytes=response_limits.MAX_BYTES, error=requests.RequestException
        )
    )
