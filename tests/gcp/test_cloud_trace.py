"""Which traces are exported to Cloud Trace, and what they contain."""

from collections.abc import Iterator

import pytest

from shared import tracing
from shared.gcp import cloud_trace
from shared.gcp.cloud_trace import CloudTracer
from tests.fakes.cloud_trace import Collector, collecting

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID, SPAN_ID = PARENT.split("-")[1:3]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for name in ("_FLUSH_SECONDS", "_EXPORT_SECONDS"):
        monkeypatch.setattr(cloud_trace, name, 100.0)
    with collecting() as collector:
        yield collector
    tracing.use(None)


def use(collector: Collector, ratio: float) -> None:
    where = collector.address
    tracer = CloudTracer(project="p", ratio=ratio, credentials=None, emulator=where)
    tracing.use(tracer)


def test_a_task_continues_the_trace_of_its_creator(collector: Collector) -> None:
    use(collector, 1.0)

    headers = {tracing.HEADER: PARENT, "traceparent": "00-0-0-00"}
    with tracing.root("task", headers, is_private=True):
        made = tracing.task_headers()[tracing.HEADER]

    (span,) = collector.spans
    assert (span.trace_id, span.parent_id) == (TRACE_ID, SPAN_ID)
    assert made.split("-")[1:3] == [TRACE_ID, span.span_id]


@pytest.mark.parametrize("trace_id", [TRACE_ID, f"{1:032x}"])
@pytest.mark.parametrize("header", ["traceparent", tracing.HEADER])
def test_a_caller_cannot_turn_sampling_on(
    collector: Collector, header: str, trace_id: str
) -> None:
    """Neither by a flag nor by an ID that would be sampled at any ratio."""
    use(collector, 1e-9)

    with tracing.root("request", {header: PARENT.replace(TRACE_ID, trace_id)}):
        made = tracing.task_headers()
        with tracing.root("task", made, is_private=True):
            pass

    assert collector.spans == []


def test_a_callers_trace_goes_on_and_we_decide_on_sampling(
    collector: Collector,
) -> None:
    use(collector, 1.0)

    with tracing.root("request", {"traceparent": PARENT[:-2] + "00"}):
        made = tracing.task_headers()
    use(collector, 1e-9)
    with tracing.root("task", made, is_private=True):
        pass

    assert [(s.name, s.trace_id) for s in collector.spans] == [
        ("request", TRACE_ID),
        ("task", TRACE_ID),
    ]


def test_a_silent_collector_delays_a_request_only_briefly(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(cloud_trace, "_FLUSH_SECONDS", 0.01)
    use(collector, 1.0)
    collector.answers.clear()

    with tracing.root("request", {}):
        pass

    # The export continues in the background.
    assert collector.spans == []
    assert caplog.records == []


def test_an_error_is_marked_without_its_message(collector: Collector) -> None:
    use(collector, 1.0)

    with (
        pytest.raises(ValueError),
        tracing.root("request", {}),
        tracing.span("provider start", ai_model="runway"),
    ):
        raise ValueError("prompt: a cat; https://signed?X-Goog-Signature=abc")

    assert [span.name for span in collector.spans] == ["provider start", "request"]
    assert "cat" not in collector.sent
    assert "Signature" not in collector.sent
    assert "ValueError" not in collector.sent
