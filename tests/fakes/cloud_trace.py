"""A collector that accepts spans over OpenTelemetry's protocol and keeps them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from werkzeug import Request, Response

from local.http_server import HttpServer, application


@dataclass(frozen=True, slots=True)
class Collected:
    """A span with the IDs of its trace, itself and its parent."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str


@dataclass
class Collector:
    """The exported spans, and `sent`: all request bodies as text.

    While the event `answers` is cleared, requests wait for their answer.
    """

    address: str = ""
    answers: Event = field(default_factory=Event)
    spans: list[Collected] = field(default_factory=list)
    sent: str = ""

    def collect(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.sent += str(request)
        self.spans += [
            Collected(
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
            )
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    collector.answers.set()

    def take(request: Request) -> Response:
        body = request.get_data()
        collector.answers.wait()
        collector.collect(body)
        return Response()

    with HttpServer(application(take)) as server:
        collector.address = f"127.0.0.1:{server.port}"
        try:
            yield collector
        finally:
            collector.answers.set()
