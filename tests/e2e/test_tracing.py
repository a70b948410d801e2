"""One job's spans, from the request to the kept video, in a collector of our own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.cloud.trace_v2 import BatchWriteSpansRequest

from local.stack import Stack
from tests.e2e.client import Frontend
from tests.e2e.conftest import StackFactory

SERVICE = "google.devtools.cloudtrace.v2.TraceService"


@dataclass(frozen=True, slots=True)
class Collected:
    """A span: its trace, its own ID and its parent's."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str


@dataclass
class Collector:
    """Cloud Trace as far as its exporter knows it."""

    port: int = 0
    spans: list[Collected] = field(default_factory=list)

    def collect(self, request: Any, _: object) -> Any:
        for span in request.spans:
            self.spans.append(
                Collected(
                    name=span.display_name.value,
                    trace_id=span.name.split("/")[3],
                    span_id=span.span_id,
                    parent_id=span.parent_span_id,
                )
            )
        return b""


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    handler = grpc.unary_unary_rpc_method_handler(
        collector.collect,
        request_deserializer=BatchWriteSpansRequest.deserialize,
        response_serializer=bytes,
    )
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"BatchWriteSpans": handler}),)
    )
    collector.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector
    server.stop(None).wait()


@pytest.fixture
def traced_stack(a_stack: StackFactory, collector: Collector) -> Iterator[Stack]:
    """Without a sweep: a step that it wakes begins a trace of its own."""
    tracing = {
        "TRACE_SAMPLE_RATIO": "1",
        "CLOUD_TRACE_EMULATOR_HOST": f"127.0.0.1:{collector.port}",
    }
    with a_stack(sweep_every_seconds=600.0, **tracing) as stack:
        yield stack


def test_one_trace_leads_from_the_request_to_the_kept_video(
    traced_stack: Stack, collector: Collector
) -> None:
    frontend = Frontend(traced_stack)
    video = frontend.create(duration=5)

    assert frontend.wait(video)["status"] == "completed"

    # The answer to a step comes after its spans, and the last step's task is over.
    stores = [span for span in collector.spans if span.name == "Store"]
    assert stores
    in_trace = [s for s in collector.spans if s.trace_id == stores[0].trace_id]
    names = [span.name for span in in_trace]
    assert names.count("request") == 1
    assert {"task", "Prepare", "Start", "provider start", "provider fetch"} <= {*names}
    assert names.count("provider start") == 1
    by_id = {span.span_id: span for span in in_trace}
    (paid,) = [span for span in in_trace if span.name == "provider start"]
    assert by_id[paid.parent_id].name == "Start"
    assert by_id[by_id[paid.parent_id].parent_id].name == "task"
