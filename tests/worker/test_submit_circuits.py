"""Open circuits stop a job's starts, but not its polls."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest

from shared.domain import circuit, timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.ledger import Caps, Limits
from shared.domain.outcomes import Succeeded
from shared.domain.structs import replace
from shared.jobs.commit import SHORT_BACKOFF
from tests.domain.examples import SECOND, VEO, a_job, rejected, running, states
from tests.fakes.interpose import before_next
from tests.fakes.jobs import Trouble
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import ANN, Harness

NO_CREDITS = rejected(ErrorCode.OUT_OF_CREDITS)


def test_the_next_job_does_not_ask_a_vendor_without_credits() -> None:
    harness = Harness()
    harness.providers[ProviderId.RUNWAY] = ScriptedProvider(NO_CREDITS)
    harness.jobs.put(a_job())
    harness.step()
    harness.jobs.put(a_job())

    job = harness.step()

    assert harness.providers[ProviderId.RUNWAY].starts == 1
    assert harness.providers[ProviderId.RUNWAY_HTTP].starts == 0
    skipped = job.attempts[0]
    assert (skipped.state, skipped.provider_id) == ("skipped", ProviderId.RUNWAY)
    assert skipped.problem and skipped.problem.code is ErrorCode.CIRCUIT_OPEN
    assert "out_of_credits" in skipped.problem.detail


def test_a_running_task_is_polled_even_if_its_circuit_is_open() -> None:
    harness = Harness()
    harness.providers[ProviderId.RUNWAY] = ScriptedProvider(NO_CREDITS)
    harness.jobs.put(a_job())
    harness.step()
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    harness.clock.pause(15)

    harness.step()

    assert len(harness.providers[ProviderId.RUNWAY].polled) == 1


def test_a_start_before_the_opening_does_not_close_the_circuit() -> None:
    harness = Harness()
    opened = circuit.Circuit(key="vendor.runway")

    def opens_meanwhile() -> None:
        harness.clock.pause(5)
        now = harness.clock.now()
        harness.circuits.put(circuit.opened(opened, ErrorCode.OUT_OF_CREDITS, now))
        harness.clock.pause(5)

    harness.providers[ProviderId.RUNWAY].during_start = opens_meanwhile
    harness.jobs.put(a_job())

    job = harness.step()

    assert job.attempts[0].task_id
    assert harness.circuits.get("vendor.runway").opening


def test_starts_that_were_too_late_to_send_open_no_circuit() -> None:
    harness = Harness()
    times, slow = circuit.FAULTS_TO_OPEN, timing.MAX_TIME_BEFORE_POST + SECOND
    hang = [lambda: harness.clock.move(slow)] * times
    before_next(harness.bucket, "read", *hang)
    advance = harness.advance
    for _ in range(times):
        harness.jobs.put(a_job())
        advance("job1", from_starts_queue=True)
    harness.jobs.put(a_job())
    advance("job1", from_starts_queue=True)

    assert states(harness.job) == [("runway", "running")]
    assert harness.starts == 1


def exceed_the_cap(harness: Harness) -> None:
    harness.jobs.limits = Limits(user=Caps(daily_usd=Decimal(0)))


def be_slow(harness: Harness) -> None:
    slow = timing.MAX_TIME_BEFORE_POST + SECOND
    before_next(harness.bucket, "read", lambda: harness.clock.move(slow))


def test_a_provider_is_not_given_up_because_we_were_too_slow_to_ask_it(
    harness: Harness,
) -> None:
    harness.jobs.put(a_job(chain=(VEO,)))
    harness.providers[VEO].polls = [Succeeded()]
    be_slow(harness)

    assert states(harness.run()) == [
        ("gemini-veo-3.1", "not_sent"),
        ("gemini-veo-3.1", "succeeded"),
    ]


def find_no_storage(harness: Harness) -> None:
    harness.bucket.failures = [Unreachable("down")]


def find_no_image(harness: Harness) -> None:
    harness.bucket.objects.clear()


def be_cancelled(harness: Harness) -> None:
    before_next(harness.bucket, "read", lambda: harness.cancel_video(ANN, "job1"))


def commit_no_intent(harness: Harness) -> None:
    harness.jobs.troubles = [Trouble.UNREACHABLE] * (len(SHORT_BACKOFF) + 1)


@pytest.mark.parametrize(
    "fail",
    [
        exceed_the_cap,
        be_slow,
        find_no_storage,
        find_no_image,
        be_cancelled,
        commit_no_intent,
    ],
)
def test_a_start_that_is_not_made_leaves_the_trial_to_the_next_job(
    harness: Harness, fail: Callable[[Harness], None]
) -> None:
    """Otherwise users without room under their cap would keep a provider blocked."""
    opened = circuit.Circuit(key=f"provider.{VEO}")
    since = harness.clock.now() - circuit.MAX_OPENING
    harness.circuits.put(circuit.opened(opened, ErrorCode.PROVIDER_ERROR, since))
    harness.jobs.create(replace(a_job(chain=(VEO,)), hold_usd=Decimal(0)))
    fail(harness)
    with suppress(Unreachable):
        harness.step()
    assert harness.starts == 0

    harness.jobs.limits = Limits()
    harness.bucket.objects["images/job1"] = b"a jpeg"
    harness.jobs.put(a_job(chain=(VEO,)))

    assert states(harness.step()) == [("gemini-veo-3.1", "running")]


def test_a_start_that_is_not_made_leaves_another_jobs_trial_alone(
    harness: Harness,
) -> None:
    """It was admitted while the circuit was closed, and has claimed nothing."""
    harness.jobs.put(a_job(chain=(VEO,)))

    def open_and_try() -> None:
        now = harness.clock.now()
        closed = circuit.Circuit(key=f"provider.{VEO}")
        opened = circuit.opened(closed, ErrorCode.PROVIDER_ERROR, now)
        harness.clock.move(timing.MAX_TIME_BEFORE_POST + SECOND)
        harness.circuits.put(circuit.with_trial(opened, harness.clock.now()))

    before_next(harness.bucket, "read", open_and_try)

    assert states(harness.step()) == [("gemini-veo-3.1", "not_sent")]
    assert harness.circuits.get(f"provider.{VEO}").trial_until
