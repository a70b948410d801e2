"""Gemini Omni on two platforms: starts go to one, and a task stays where it began."""

from collections.abc import Callable, Mapping

from shared.domain.errors import Unreachable
from shared.domain.outcomes import Accepted, Poll, PollFailed, Submission
from shared.domain.structs import replace
from shared.ports.providers import GenerationRequest, Result, TaskRef
from shared.providers.omni import Omni


class OmniPlatforms:
    """The port `Provider`.

    `platforms`: each returns None if it is not configured. Starts go to the first that
    is, and so do polls of earlier releases' tasks, which didn't record their platform.
    """

    def __init__(self, platforms: Mapping[str, Callable[[], Omni | None]]) -> None:
        self._platforms = platforms
        configured = ((name, at()) for name, at in platforms.items())
        self._platform, self._omni = next((n, o) for n, o in configured if o)
        self.writes_into_bucket = self._omni.writes_into_bucket

    def start(self, request: GenerationRequest) -> Submission:
        submission = self._omni.start(request)
        if isinstance(submission, Accepted):
            return replace(submission, platform=self._platform)
        return submission

    def poll(self, task: TaskRef) -> Poll:
        omni = self._omni_of(task)
        return omni.poll(task) if omni else PollFailed(detail=_missing(task))

    def fetch(self, task: TaskRef) -> Result:
        omni = self._omni_of(task)
        if omni is None:
            raise Unreachable(_missing(task))
        return omni.fetch(task)

    def cancel(self, task: TaskRef) -> bool:
        omni = self._omni_of(task)
        return omni is not None and omni.cancel(task)

    def _omni_of(self, task: TaskRef) -> Omni | None:
        if task.platform in (None, self._platform):
            return self._omni
        at = self._platforms.get(task.platform)
        return at() if at else None


def _missing(task: TaskRef) -> str:
    return f"{task.platform}, where the task was started, is not configured"
