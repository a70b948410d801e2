"""A collector that takes OpenTelemetry's protocol and keeps the spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)


@dataclass(frozen=True, slots=True)
class Collected:
    """A span: its trace, its own ID and its parent's."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str


@dataclass
class Collector:
    """What was exported, and `sent`, all of it as text.

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

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.answers.wait()
            collector.collect(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.address = f"127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collector
        finally:
            collector.answers.set()
            server.shutdown()
