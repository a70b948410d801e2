"""Spans in Cloud Trace, by OpenTelemetry."""

from collections.abc import Iterator, Mapping
from typing import Any

import grpc
from google.cloud.trace_v2 import TraceServiceClient
from google.cloud.trace_v2.services.trace_service.transports import (
    TraceServiceGrpcTransport,
)
from opentelemetry import trace
from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# The answer waits for the export: between requests a function has no CPU for it.
_FLUSH_MILLISECONDS = 2000
_PROPAGATOR = TraceContextTextMapPropagator()


class CloudTracer:
    """The `Tracer` of shared/tracing.py.

    `ratio`: of traces, decided by the trace's ID alone, so that all functions decide
    alike and no caller can switch it on for everything. `emulator`: host:port.
    """

    def __init__(
        self, *, project: str, ratio: float, emulator: str | None = None
    ) -> None:
        by_id = TraceIdRatioBased(ratio)
        sampler = ParentBased(
            by_id, remote_parent_sampled=by_id, remote_parent_not_sampled=by_id
        )
        resource = Resource.create({"service.name": "reelay"})
        self._provider = TracerProvider(sampler=sampler, resource=resource)
        exporter = CloudTraceSpanExporter(project_id=project, client=_client(emulator))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("reelay")

    def root(self, name: str, parent: str | None) -> Iterator[None]:
        carrier = {"traceparent": parent} if parent else {}
        span = self._tracer.start_span(
            name, _PROPAGATOR.extract(carrier), trace.SpanKind.SERVER
        )
        try:
            yield from _within(span)
        finally:
            if span.is_recording():
                span.end()
                self._provider.force_flush(_FLUSH_MILLISECONDS)

    def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        span = self._tracer.start_span(name, attributes=dict(attributes))
        try:
            yield from _within(span)
        finally:
            span.end()

    def current(self) -> str | None:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get("traceparent")


def _within(span: trace.Span) -> Iterator[None]:
    """What an exception says is not kept: it may quote a prompt or a signed URL."""
    using = trace.use_span(span, record_exception=False, set_status_on_exception=False)
    with using:
        try:
            yield
        except BaseException:
            span.set_status(trace.StatusCode.ERROR)
            raise


def _client(emulator: str | None) -> Any:
    if emulator is None:
        return TraceServiceClient()
    channel = grpc.insecure_channel(emulator)
    return TraceServiceClient(transport=TraceServiceGrpcTransport(channel=channel))
