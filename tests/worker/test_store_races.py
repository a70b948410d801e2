"""Several workers store the same video: a failure of one spoils nothing for another."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.errors import BadContent, ReelayError, TaskGone, Unreachable
from shared.domain.job import Job
from shared.domain.naming import task_name
from shared.domain.structs import replace
from shared.domain.timing import (
    FETCH_LIMIT,
    GONE_LIMIT,
    MAX_BAD_OUTPUTS,
    MIN_FETCH_TRIES,
)
from shared.worker.recent_jobs import RecentJobs
from tests.domain.examples import NOON, RUNWAY, VEO, a_job, states, storing
from tests.fakes.interpose import before, before_next
from tests.usecases.harness import Harness

UNSERVED = Unreachable("503")


@pytest.fixture
def harness() -> Harness:
    """Runway has a result; Veo would be paid next."""
    harness = Harness()
    harness.jobs.put(storing(a_job(chain=(RUNWAY, VEO)), RUNWAY))
    return harness


def change_attempt(harness: Harness, **changes: Any) -> None:
    job = harness.job
    harness.jobs.put(job.with_attempt(replace(job.attempts[0], **changes)))


def a_slow_worker(harness: Harness, result: ReelayError) -> Callable[[], None]:
    """A worker that reads the job now; once called, its fetch ends with `result`."""
    read, memory = harness.jobs.get("job1"), RecentJobs()
    memory.keep(read)

    def fail() -> None:
        vendor, others = harness.providers[RUNWAY], harness.recent
        harness.recent, before, vendor.result = memory, vendor.result, result
        name = task_name("job1", read.value.version)
        harness.advance("job1", from_starts_queue=False, task=name)
        harness.recent, vendor.result = others, before
        assert memory.take("job1", name) is None, "it had read the job before"

    return fail


@pytest.mark.parametrize(
    ("result", "counts"),
    [
        (UNSERVED, {"unserved_tries": MIN_FETCH_TRIES - 1}),
        (TaskGone("404"), {"gone_since": NOON}),
        (BadContent("HTML"), {"bad_outputs": MAX_BAD_OUTPUTS - 1}),
    ],
    ids=["not served", "gone", "bad"],
)
def test_a_last_failed_download_does_not_end_what_another_worker_checks(
    harness: Harness, result: ReelayError, counts: dict[str, int]
) -> None:
    harness.clock.move(FETCH_LIMIT)
    change_attempt(harness, **counts)
    before_next(harness.videos, "inspect", a_slow_worker(harness, result))

    harness.step()

    assert states(harness.job) == [("runway", "succeeded")]
    assert harness.starts == 0


def test_a_task_is_gone_as_of_when_its_vendor_was_asked(harness: Harness) -> None:
    """The worker stands still in between, and the vendor may show the task again."""
    change_attempt(harness, gone_since=NOON)
    runway = harness.providers[RUNWAY]
    runway.result = TaskGone("404")
    before(runway, "fetch", lambda: harness.clock.move(GONE_LIMIT))

    harness.step()

    assert states(harness.job) == [("runway", "storing")]


def test_a_failed_download_lets_no_other_worker_check(harness: Harness) -> None:
    fail = a_slow_worker(harness, UNSERVED)
    seen: list[Job] = []

    def fail_and_look() -> None:
        fail()
        seen.append(harness.job)

    before_next(harness.videos, "inspect", fail_and_look)
    harness.step()

    assert seen[0].attempts[0].checking_until is not None


@pytest.mark.parametrize(
    ("result", "most"),
    [(TaskGone("404"), 2), (BadContent("HTML"), MAX_BAD_OUTPUTS)],
    ids=["gone", "bad"],
)
def test_downloads_that_fail_at_the_same_time_count_once(
    harness: Harness, result: ReelayError, most: int
) -> None:
    runway = harness.providers[RUNWAY]
    runway.result = result
    before_next(runway, "fetch", *[harness.step] * most)

    harness.step()

    attempt = harness.job.attempts[0]
    assert attempt.store_tries == 1
    assert states(harness.job) == [("runway", "storing")]
