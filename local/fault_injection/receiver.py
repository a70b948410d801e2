"""Receives a run's webhooks, and refuses some of them at first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from werkzeug import Request, Response

from local.fault_injection.evidence import ReceivedWebhook
from local.fault_injection.plan import number_of
from local.http_server import HttpServer, application

REFUSES_EVERY = 5  # refuses the first message of every fifth job


@dataclass(slots=True)
class Receiver:
    received: list[ReceivedWebhook] = field(default_factory=list)

    def server(self) -> HttpServer:
        return HttpServer(application(self._take))

    def of(self, job_id: str) -> Sequence[ReceivedWebhook]:
        return [each for each in self.received if each.job_id == job_id]

    def _take(self, request: Request) -> Response:
        event = json.loads(request.get_data())
        job_id, number = event["data"]["job_id"], number_of(event["data"]["prompt"])
        is_first = not self.of(job_id)
        message_id = request.headers["webhook-id"]
        self.received.append(
            ReceivedWebhook(job_id=job_id, message_id=message_id, type=event["type"])
        )
        is_refused = is_first and number is not None and number % REFUSES_EVERY == 0
        return Response(status=503 if is_refused else 204)
