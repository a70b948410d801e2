"""Receivers of webhooks in memory: they keep what came, and answer as they are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.domain.errors import ReelayError


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class FakeReceivers:
    """`answers`: a status or an error for each of the next calls; then it is 204.

    `meanwhile` is called while a message is under way.
    """

    answers: list[int | ReelayError] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.messages.append(Message(url=url, body=body, headers=headers))
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, ReelayError):
            raise answer
        return answer
