"""Runway's own SDK as a transport, with its retries and redirects switched off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import runwayml

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
from shared.tls import trusted

FAULTS: Faults = {
    runwayml.APIStatusError: Fault.ANSWERED,
    runwayml.APIConnectionError: Fault.SEE_CAUSE,
    runwayml.APIResponseValidationError: Fault.DOUBTFUL,
    runwayml.RunwayMLError: Fault.DOUBTFUL,
    runwayml.TaskFailedError: Fault.DOUBTFUL,
    runwayml.TaskTimeoutError: Fault.DOUBTFUL,
    runwayml.WorkflowInvocationFailedError: Fault.DOUBTFUL,
    runwayml.WorkflowInvocationTimeoutError: Fault.DOUBTFUL,
    httpx.ConnectError: Fault.BEFORE_SENDING,
    httpx.ConnectTimeout: Fault.BEFORE_SENDING,
    httpx.PoolTimeout: Fault.BEFORE_SENDING,
    httpx.UnsupportedProtocol: Fault.BEFORE_SENDING,
    httpx.HTTPError: Fault.DOUBTFUL,
    httpx.InvalidURL: Fault.DOUBTFUL,
    httpx.CookieConflict: Fault.DOUBTFUL,
    httpx.StreamError: Fault.DOUBTFUL,
    **LOCAL_FAULTS,
}


class SdkTransport:
    faults = FAULTS

    def __init__(self, *, api_key: str, base_url: str) -> None:
        self._api_key = api_key
        self._base_url = base_url

    def create(
        self, body: VideoTask, *, read_seconds: float, send_state: SendState
    ) -> Answer:
        with self._client(read_seconds, send_state) as client:
            # Any: the SDK's overloads name each model, ours come from the catalogue.
            tasks: Any = client.text_to_video
            image = {}
            if body.prompt_image:
                tasks, image = (
                    client.image_to_video,
                    {"prompt_image": body.prompt_image},
                )
            create: Callable[..., Any] = tasks.with_raw_response.create
            return _answer(
                lambda: (
                    create(
                        **image,
                        model=body.model,
                        prompt_text=body.prompt_text,
                        ratio=body.ratio,
                        duration=body.duration,
                        seed=runwayml.omit if body.seed is None else body.seed,
                    ).http_response
                )
            )

    def retrieve(self, task_id: str, *, read_seconds: float) -> Answer:
        with self._client(read_seconds, SendState()) as client:
            raw = client.tasks.with_raw_response
            return _answer(lambda: raw.retrieve(task_id).http_response)

    def delete(self, task_id: str, *, read_seconds: float) -> Answer:
        with self._client(read_seconds, SendState()) as client:
            raw = client.tasks.with_raw_response
            return _answer(lambda: raw.delete(task_id).http_response)

    @contextmanager
    def _client(
        self, read_seconds: float, send_state: SendState
    ) -> Iterator[runwayml.RunwayML]:
        """A client that lives for one call: an instance that slept holds dead ones."""
        timeout = httpx.Timeout(CONNECT_SECONDS, read=read_seconds)

        def mark(request: httpx.Request) -> None:
            send_state.started = True
            request.extensions["trace"] = answer_limits.watched_by(limit)

        # The SDK's own client follows redirects and sends the POST again there.
        with (
            cutoff(read_seconds) as limit,
            httpx.Client(
                verify=trusted(),
                timeout=timeout,
                follow_redirects=False,
                trust_env=False,
                headers=dict(answer_limits.ACCEPT_PLAIN),
                event_hooks={"request": [mark], "response": [_limit]},
            ) as http_client,
        ):
            yield runwayml.RunwayML(
                api_key=self._api_key,
                runway_version=runway_wire.VERSION,
                base_url=self._base_url,
                timeout=timeout,
                max_retries=0,
                http_client=http_client,
            )


def _answer(send: Callable[[], httpx.Response]) -> Answer:
    try:
        response = send()
    except runwayml.APIStatusError as error:
        response = error.response
    return Answer(
        status=response.status_code, body=_body(response), headers=response.headers
    )


def _body(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return response.text


class _LimitedStream(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        return answer_limits.limited(
            self._inner,
            most_bytes=answer_limits.MOST_BYTES,
            error=httpx.ReadError,
        )

    def close(self) -> None:
        self._inner.close()


def _limit(response: httpx.Response) -> None:
    if answer_limits.is_compressed(response.headers):
        raise httpx.DecodingError("the answer is compressed")
    assert isinstance(response.stream, httpx.SyncByteStream)
    response.stream = _LimitedStream(response.stream)
