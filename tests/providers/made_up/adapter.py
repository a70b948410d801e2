"""A provider that always makes the same video; see test_made_up_provider.py."""

from shared.domain.outcomes import Accepted, Poll, Submission, Succeeded
from shared.ports.providers import GenerationRequest, InlineFile, Result, TaskRef


class MadeUp:
    writes_into_bucket = False

    def __init__(self, *, api_key: str) -> None:
        self._api_key = api_key

    def start(self, request: GenerationRequest) -> Submission:
        return Accepted(task_id=f"{request.model_id}-1")

    def poll(self, task: TaskRef) -> Poll:
        return Succeeded()

    def fetch(self, task: TaskRef) -> Result:
        return InlineFile(content=b"an mp4")

    def cancel(self, task: TaskRef) -> bool:
        return True
