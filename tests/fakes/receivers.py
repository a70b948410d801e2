"""Receivers of webhooks in memory: they keep what came, and answer as they are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.domain.errors import ReelayError
from shared.domain.webhook import ReceiverAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class FakeReceivers:
    """`answers`: a status, an answer or an error for each call; then it is 204.

    `meanwhile` is called while a message is under way.
    """

    answers: list[int | ReceiverAnswer | ReelayError] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        self.messages.append(Message(url=url, body=body, headers=headers))
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, ReelayError):
            raise answer
        return ReceiverAnswer(status=answer) if isinstance(answer, int) else answer
