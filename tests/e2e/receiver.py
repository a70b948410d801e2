"""The server that receives the stack's webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
from werkzeug import Request, Response

from local.http_server import HttpServer, application


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class Receiver:
    """Messages and answers by path.

    `answers` has the statuses of the next answers; then it is 204. `programs` has URLs
    of receivers under test, to which messages are forwarded for an answer.
    """

    address: str = ""
    messages: dict[str, list[Message]] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)

    def server(self) -> HttpServer:
        return HttpServer(application(self._take))

    def _take(self, request: Request) -> Response:
        message = Message(body=request.get_data(), headers=dict(request.headers))
        self.messages.setdefault(request.path, []).append(message)
        if program := self.programs.get(request.path):
            return Response(status=forwarded(program, message).status_code)
        answers = self.answers.get(request.path)
        return Response(status=answers.pop(0) if answers else 204)


def forwarded(program: str, message: Message) -> requests.Response:
    names = ("Content-Type", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature")
    headers = {name: message.headers[name] for name in names}
    return requests.post(program, message.body, headers=headers, timeout=100)
