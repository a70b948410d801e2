"""One job's spans, from the request to the stored video, in a local collector."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.e2e.client import Frontend, wait_for
from tests.e2e.conftest import StackFactory
from tests.fakes.cloud_trace import Collector, collecting


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def traced_stack(a_stack: StackFactory, collector: Collector) -> Iterator[Stack]:
    """A stack without a sweep: a step that it enqueues starts a new trace."""
    tracing = {
        "TRACE_SAMPLE_RATIO": "1",
        "CLOUD_TRACE_EMULATOR_HOST": collector.address,
    }
    with a_stack(sweep_every_seconds=600.0, **tracing) as stack:
        yield stack


def test_one_trace_spans_the_request_to_the_stored_video(
    traced_stack: Stack, collector: Collector
) -> None:
    frontend = Frontend(traced_stack)
    video = frontend.create(duration=5)

    assert frontend.wait(video)["status"] == "completed"

    # The job completes with a commit inside the step, whose spans are sent afterwards,
    # and the api sends its own.
    wait_for(lambda: {"Store", "request"} <= {span.name for span in collector.spans})
    stores = [span for span in collector.spans if span.name == "Store"]
    in_trace = [s for s in collector.spans if s.trace_id == stores[0].trace_id]
    names = [span.name for span in in_trace]
    assert names.count("request") == 1
    assert {"task", "Prepare", "Start", "provider start", "provider fetch"} <= {*names}
    assert names.count("provider start") == 1
    by_id = {span.span_id: span for span in in_trace}
    (paid,) = [span for span in in_trace if span.name == "provider start"]
    assert by_id[paid.parent_id].name == "Start"
    assert by_id[by_id[paid.parent_id].parent_id].name == "task"
