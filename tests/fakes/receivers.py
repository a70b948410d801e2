"""Webhook receivers in memory: they keep messages and give scripted answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.domain.errors import ReelayError
from shared.domain.webhook import ReceiverResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class FakeReceivers:
    """`answers` has a status, an answer or an error for each call; then it is 204.

    `meanwhile` is called while a message is being sent.
    """

    answers: list[int | ReceiverResponse | ReelayError] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> ReceiverResponse:
        self.messages.append(Message(url=url, body=body, headers=headers))
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, ReelayError):
            raise answer
        return ReceiverResponse(status=answer) if isinstance(answer, int) else answer
