"""Exports spans to Cloud Trace over OTLP, OpenTelemetry's own protocol."""

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

# https://docs.cloud.google.com/trace/docs/migrate-to-otlp-endpoints, 2026-11-29
_URL = "https://telemetry.googleapis.com/v1/traces"
_EXPORT_SECONDS = 5.0
# A response waits for the export, because a function has no CPU between requests.
_FLUSH_SECONDS = 2.0
_PROPAGATOR = TraceContextTextMapPropagator()


class CloudTracer:
    """The `Tracer` of shared/tracing.py.

    `ratio`: the share of traces that are sampled. The function that a stranger calls
    decides that, by chance: neither a flag nor an ID that the caller chose has an
    influence. The others do as it has decided. `emulator`: host:port of a
    collector that accepts OTLP over HTTP.
    """

    def __init__(
        self,
        *,
        project: str,
        ratio: float,
        credentials: Credentials | None,
        emulator: str | None,
    ) -> None:
        self._ratio = ratio
        sampler = ParentBased(TraceIdRatioBased(ratio))
        names = {"service.name": "reelay", "gcp.project_id": project}
        resource = Resource.create(names)
        self._provider = TracerProvider(sampler=sampler, resource=resource)
        exporter = OTLPSpanExporter(
            endpoint=f"http://{emulator}/v1/traces" if emulator else _URL,
            timeout=_EXPORT_SECONDS,
            session=None if emulator else AuthorizedSession(credentials),
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("reelay")
        self._flushing = ThreadPoolExecutor(1, "spans")

    def root(self, name: str, parent: str | None, *, is_ours: bool) -> Iterator[None]:
        context = _PROPAGATOR.extract({"traceparent": parent} if parent else {})
        if not is_ours:
            context = self._decide(context)
        span = self._tracer.start_span(name, context, trace.SpanKind.SERVER)
        try:
            yield from _in_span(span)
        finally:
            if span.is_recording():
                span.end()
                self._flush()

    def _decide(self, context: Context) -> Context:
        """Replaces a caller's decision whether its trace is sampled."""
        parent = trace.get_current_span(context).get_span_context()
        if not parent.is_valid:
            return context
        is_sampled = random.random() < self._ratio  # noqa: S311 - not a secret
        ours = trace.SpanContext(
            parent.trace_id,
            parent.span_id,
            is_remote=True,
            trace_flags=trace.TraceFlags(is_sampled),
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(ours), context)

    def _flush(self) -> None:
        """Flushes in a separate thread, because the library's flush has no timeout.

        https://github.com/open-telemetry/opentelemetry-python/issues/4568
        """
        wait([self._flushing.submit(self._provider.force_flush)], _FLUSH_SECONDS)

    def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        span = self._tracer.start_span(name, attributes=dict(attributes))
        try:
            yield from _in_span(span)
        finally:
            span.end()

    def current(self) -> str | None:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get("traceparent")


def _in_span(span: trace.Span) -> Iterator[None]:
    """Doesn't record exceptions: a message may quote a prompt or a signed URL."""
    using = trace.use_span(span, record_exception=False, set_status_on_exception=False)
    with using:
        try:
            yield
        except Exception:
            span.set_status(trace.StatusCode.ERROR)
            raise
