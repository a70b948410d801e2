"""Exports spans to Cloud Trace over OTLP, OpenTelemetry's own protocol."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from opentelemetry import trace
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

    `ratio`: the share of traces that are sampled. The trace's ID alone decides, so all
    functions decide alike, and no caller can force sampling. `emulator`: host:port of a
    collector that accepts OTLP over HTTP.
    """

    def __init__(
        self,
        *,
        project: str,
        ratio: float,
        credentials: Credentials | None,
        emulator: str | None = None,
    ) -> None:
        by_id = TraceIdRatioBased(ratio)
        sampler = ParentBased(
            by_id, remote_parent_sampled=by_id, remote_parent_not_sampled=by_id
        )
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

    def root(self, name: str, parent: str | None) -> Iterator[None]:
        carrier = {"traceparent": parent} if parent else {}
        span = self._tracer.start_span(
            name, _PROPAGATOR.extract(carrier), trace.SpanKind.SERVER
        )
        try:
            yield from _in_span(span)
        finally:
            if span.is_recording():
                span.end()
                self._flush()

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
