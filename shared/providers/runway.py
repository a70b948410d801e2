"""Runway through its own SDK: one POST, one connection, and no retries."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import runwayml

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
_CAUGHT = tuple(FAULTS)


class RunwaySdk:
    """The port `Provider` by the package `runwayml`."""

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
            with self._client(self._read_seconds, send_state) as client:
                return _create(client, request)
        except runwayml.APIStatusError as error:
            headers = error.response.headers
            return runway_wire.refused(error.status_code, error.body, headers, *secrets)
        except _CAUGHT as error:
            return outcome_of(error, FAULTS, send_state, *secrets)

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
            with self._client(FREE_READ_SECONDS) as client:
                client.tasks.delete(task.task_id)
        except runwayml.NotFoundError:
            return True
        except _CAUGHT:
            return False
        return True

    def _task(self, task: TaskRef) -> object:
        with self._client(FREE_READ_SECONDS) as client:
            answer = client.tasks.with_raw_response.retrieve(task.task_id)
            return answer.http_response.json()

    @contextmanager
    def _client(
        self, read_seconds: float, send_state: SendState | None = None
    ) -> Iterator[runwayml.RunwayML]:
        """A client that lives for one call: an instance that slept holds dead ones."""
        timeout = httpx.Timeout(CONNECT_SECONDS, read=read_seconds)
        hooks = [_mark(send_state)] if send_state else []
        # The SDK's own client follows redirects and sends the POST again there.
        with httpx.Client(
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            event_hooks={"request": hooks},
        ) as http_client:
            yield runwayml.RunwayML(
                api_key=self._api_key,
                runway_version=runway_wire.VERSION,
                base_url=self._base_url,
                timeout=timeout,
                max_retries=0,
                http_client=http_client,
            )


def _mark(send_state: SendState) -> Callable[[httpx.Request], None]:
    def mark(_request: httpx.Request) -> None:
        send_state.started = True

    return mark


def _create(client: runwayml.RunwayML, request: GenerationRequest) -> Submission:
    # Any: the SDK's overloads name each model by itself; ours come from the catalogue.
    create: Callable[..., object] = client.image_to_video.create
    task = create(
        model=request.model_id,
        prompt_image=runway_wire.data_uri(request),
        prompt_text=request.prompt,
        ratio=runway_wire.ratio(request),
        duration=request.duration_seconds,
        seed=runwayml.omit if request.seed is None else request.seed,
    )
    # The SDK checks nothing: a page of HTML comes as a str, an id as anything.
    return runway_wire.accepted({"id": getattr(task, "id", None)})
