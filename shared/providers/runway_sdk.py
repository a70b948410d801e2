"""The transport to Runway over its own SDK, with retries and redirects disabled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import runwayml

from shared.providers import response_limits, runway_wire
from shared.providers.paid_post import (
    FREE_READ_SECONDS,
    LOCAL_FAULTS,
    READ_SECONDS,
    Fault,
    Faults,
    SendState,
    faults_of,
)
from shared.providers.rejection import HttpResponse, parsed
from shared.providers.runway_wire import VideoTask

FAULTS: Faults = {
    runwayml.APIConnectionError: Fault.SEE_CAUSE,
    runwayml.RunwayMLError: Fault.DOUBTFUL,
    runwayml.TaskFailedError: Fault.DOUBTFUL,
    runwayml.TaskTimeoutError: Fault.DOUBTFUL,
    runwayml.WorkflowInvocationFailedError: Fault.DOUBTFUL,
    runwayml.WorkflowInvocationTimeoutError: Fault.DOUBTFUL,
    **faults_of(httpx),
    **LOCAL_FAULTS,
}


class SdkTransport:
    faults = FAULTS

    def __init__(self, *, api_key: str, base_url: str) -> None:
        self._api_key = api_key
        self._base_url = base_url

    def create(self, body: VideoTask, send_state: SendState) -> HttpResponse:
        with self._client(READ_SECONDS, send_state) as client:
            # Any, since the SDK's overloads list each model; ours are in the catalogue.
            tasks: Any = client.text_to_video
            image = {}
            if body.prompt_image:
                tasks, image = (
                    client.image_to_video,
                    {"prompt_image": body.prompt_image},
                )
            create: Callable[..., Any] = tasks.with_raw_response.create
            return _response(
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

    def retrieve(self, task_id: str) -> HttpResponse:
        with self._client(FREE_READ_SECONDS, SendState()) as client:
            raw = client.tasks.with_raw_response
            return _response(lambda: raw.retrieve(task_id).http_response)

    def delete(self, task_id: str) -> HttpResponse:
        with self._client(FREE_READ_SECONDS, SendState()) as client:
            raw = client.tasks.with_raw_response
            return _response(lambda: raw.delete(task_id).http_response)

    @contextmanager
    def _client(
        self, read_seconds: float, send_state: SendState
    ) -> Iterator[runwayml.RunwayML]:
        with response_limits.single_call_client(
            httpx,
            read_seconds=read_seconds,
            max_bytes=response_limits.MAX_BYTES,
            send_state=send_state,
        ) as http_client:
            yield runwayml.RunwayML(
                api_key=self._api_key,
                runway_version=runway_wire.VERSION,
                base_url=self._base_url,
                max_retries=0,
                http_client=http_client,
            )


def _response(send: Callable[[], httpx.Response]) -> HttpResponse:
    try:
        response = send()
    except runwayml.APIStatusError as error:
        response = error.response
    return HttpResponse(
        status=response.status_code,
        body=parsed(response.content),
        headers=response.headers,
    )
