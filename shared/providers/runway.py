"""Runway: one POST over one connection, whichever of its two transports carries it."""

from typing import Protocol

from shared.domain.errors import TaskGone, Unreachable
from shared.domain.outcomes import Gone, Poll, PollFailed, Submission
from shared.ports.providers import GenerationRequest, TaskRef, WebFile
from shared.providers import runway_wire
from shared.providers.paid_post import (
    FREE_READ_SECONDS,
    READ_SECONDS,
    Faults,
    SendState,
    outcome_of,
)
from shared.providers.redaction import describe
from shared.providers.rejection import Answer, says_gone
from shared.providers.runway_errors import RUNWAY
from shared.providers.runway_wire import VideoTask


class Transport(Protocol):
    """Each method sends one request over a connection of its own, never again.

    An answer of any status is returned; all else is raised, as one of `faults`.
    """

    faults: Faults

    def create(
        self, body: VideoTask, *, read_seconds: float, send_state: SendState
    ) -> Answer: ...

    def retrieve(self, task_id: str, *, read_seconds: float) -> Answer: ...

    def delete(self, task_id: str, *, read_seconds: float) -> Answer: ...


class MakeTransport(Protocol):
    def __call__(self, *, api_key: str, base_url: str) -> Transport: ...


class Runway:
    """The port `Provider`. Tasks are the same over either transport."""

    writes_into_bucket = False

    def __init__(
        self,
        transport: MakeTransport,
        *,
        api_key: str,
        base_url: str | None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        base_url, api_key = base_url or runway_wire.BASE_URL, api_key.strip()
        self.transport = transport(api_key=api_key, base_url=base_url)
        self._api_key = api_key
        self._trusted_origin = base_url if base_url != runway_wire.BASE_URL else None
        self._read_seconds = read_seconds
        self._caught = tuple(self.transport.faults)

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        secrets = (self._api_key, request.prompt)
        try:
            answer = self.transport.create(
                VideoTask.of(request),
                read_seconds=self._read_seconds,
                send_state=send_state,
            )
        except self._caught as error:
            return outcome_of(error, self.transport.faults, send_state, *secrets)
        return runway_wire.read_submission(answer, *secrets)

    def poll(self, task: TaskRef) -> Poll:
        try:
            answer = self._retrieve(task)
        except self._caught as error:
            return PollFailed(detail=describe(error, self._api_key))
        if says_gone(answer, RUNWAY):
            return Gone(detail=f"HTTP {answer.status}")
        if answer.status != 200:
            return PollFailed(detail=f"HTTP {answer.status}")
        return runway_wire.read_task(answer.body)

    def fetch(self, task: TaskRef) -> WebFile:
        try:
            answer = self._retrieve(task)
        except self._caught as error:
            raise Unreachable(describe(error, self._api_key)) from error
        if says_gone(answer, RUNWAY):
            raise TaskGone("the task is gone")
        if answer.status != 200:
            raise Unreachable(f"HTTP {answer.status}")
        url = runway_wire.read_result(answer.body)
        return WebFile(url=url, trusted_origin=self._trusted_origin)

    def cancel(self, task: TaskRef) -> bool:
        try:
            answer = self.transport.delete(task.task_id, read_seconds=FREE_READ_SECONDS)
        except self._caught:
            return False
        return answer.status in (200, 204) or says_gone(answer, RUNWAY)

    def _retrieve(self, task: TaskRef) -> Answer:
        return self.transport.retrieve(task.task_id, read_seconds=FREE_READ_SECONDS)
