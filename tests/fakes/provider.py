"""Fake providers that give scripted answers and record each request."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ReelayError
from shared.domain.outcomes import Accepted, Poll, Submission, Working
from shared.ports.providers import (
    GenerationRequest,
    InlineFile,
    Provider,
    Result,
    TaskRef,
)

T = TypeVar("T")


class ScriptedProvider:
    """Gives `submissions`, `polls` and `cancels` in order, repeating the last.

    `during_start` runs during the paid POST.
    """

    def __init__(self, *submissions: Submission) -> None:
        self.writes_into_bucket = True
        self.submissions = list(submissions) or [Accepted(task_id="task1")]
        self.polls: list[Poll] = [Working()]
        self.cancels = [True]
        self.result: Result | ReelayError = InlineFile(content=b"an mp4")
        self.during_start: Callable[[], None] | None = None
        self.requests: list[GenerationRequest] = []
        self.polled: list[TaskRef] = []
        self.fetched: list[TaskRef] = []
        self.cancelled: list[TaskRef] = []

    @property
    def starts(self) -> int:
        return len(self.requests)

    def start(self, request: GenerationRequest) -> Submission:
        self.requests.append(request)
        if self.during_start is not None:
            self.during_start()
        return _next(self.submissions)

    def poll(self, task: TaskRef) -> Poll:
        self.polled.append(task)
        return _next(self.polls)

    def fetch(self, task: TaskRef) -> Result:
        self.fetched.append(task)
        if isinstance(self.result, ReelayError):
            raise self.result
        return self.result

    def cancel(self, task: TaskRef) -> bool:
        self.cancelled.append(task)
        return _next(self.cancels)


class FakeProviders:
    """The configured providers; any other counts as not configured."""

    def __init__(self, providers: Mapping[ProviderId, Provider]) -> None:
        self.providers = dict(providers)

    def get(self, provider_id: ProviderId) -> Provider | None:
        return self.providers.get(provider_id)


def _next(scripted: list[T]) -> T:
    return scripted.pop(0) if len(scripted) > 1 else scripted[0]
