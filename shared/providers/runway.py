"""Runway, over either of two transports: its SDK or plain HTTP."""

from typing import Protocol

from shared.domain.errors import TaskGone, Unreachable
from shared.domain.outcomes import Gone, Poll, PollFailed, Submission
from shared.ports.providers import GenerationRequest, TaskRef, WebFile
from shared.providers import runway_wire
from shared.providers.paid_post import Faults, SendState, outcome_of
from shared.providers.redaction import describe
from shared.providers.rejection import HttpResponse, says_gone
from shared.providers.runway_errors import RUNWAY
from shared.providers.runway_wire import VideoTask


class Transport(Protocol):
    """Each method sends one request, exactly once, over a connection of its own.

    A response of any status is returned. Everything else raises one of `faults`.
    """

    faults: Faults

    def create(self, body: VideoTask, send_state: SendState) -> HttpResponse: ...

    def retrieve(self, task_id: str) -> HttpResponse: ...

    def delete(self, task_id: str) -> HttpResponse: ...


class MakeTransport(Protocol):
    def __call__(self, *, api_key: str, base_url: str) -> Transport: ...


class Runway:
    """The port `Provider`. A task can be polled over either transport."""

    writes_into_bucket = False

    def __init__(
        self, transport: MakeTransport, *, api_key: str, base_url: str | None
    ) -> None:
        base_url = base_url or runway_wire.BASE_URL
        self.transport = transport(api_key=api_key, base_url=base_url)
        self._api_key = api_key
        self._trusted_origin = base_url if base_url != runway_wire.BASE_URL else None
        self._caught = tuple(self.transport.faults)

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        secrets = (self._api_key, request.prompt)
        try:
            response = self.transport.create(VideoTask.of(request), send_state)
        except self._caught as error:
            return outcome_of(error, self.transport.faults, send_state, *secrets)
        return runway_wire.read_submission(response, *secrets)

    def poll(self, task: TaskRef) -> Poll:
        try:
            response = self.transport.retrieve(task.task_id)
        except self._caught as error:
            return PollFailed(detail=describe(error, self._api_key))
        if says_gone(response, RUNWAY):
            return Gone(detail=f"HTTP {response.status}")
        if response.status != 200:
            return PollFailed(detail=f"HTTP {response.status}")
        return runway_wire.read_task(response.body)

    def fetch(self, task: TaskRef) -> WebFile:
        try:
            response = self.transport.retrieve(task.task_id)
        except self._caught as error:
            raise Unreachable(describe(error, self._api_key)) from error
        if says_gone(response, RUNWAY):
            raise TaskGone("the task is gone")
        if response.status != 200:
            raise Unreachable(f"HTTP {response.status}")
        url = runway_wire.read_result(response.body)
        return WebFile(url=url, trusted_origin=self._trusted_origin)

    def cancel(self, task: TaskRef) -> bool:
        try:
            response = self.transport.delete(task.task_id)
        except self._caught:
            return False
        return response.status in (200, 204) or says_gone(response, RUNWAY)
