"""The server that takes a run's webhooks, and refuses some at first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from werkzeug import Request, Response

from local.fault_injection.evidence import Heard
from local.fault_injection.plan import number_of
from local.http_server import HttpServer

REFUSES_EVERY = 5  # jobs: the first message of each


@dataclass(slots=True)
class Receiver:
    heard: list[Heard] = field(default_factory=list)

    def server(self) -> HttpServer:
        return HttpServer(Request.application(self._take))

    def of(self, job_id: str) -> Sequence[Heard]:
        return [each for each in self.heard if each.job_id == job_id]

    def _take(self, request: Request) -> Response:
        event = json.loads(request.get_data())
        job_id, number = event["data"]["job_id"], number_of(event["data"]["prompt"])
        is_first = not self.of(job_id)
        message_id = request.headers["webhook-id"]
        self.heard.append(
            Heard(job_id=job_id, message_id=message_id, type=event["type"])
        )
        is_refused = is_first and number is not None and number % REFUSES_EVERY == 0
        return Response(status=503 if is_refused else 204)
