"""The maximum that a vendor names for a task is held from its answer on."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain.errors import ErrorCode, LimitReached, Problem
from shared.domain.job import Language
from shared.domain.ledger import Caps, Limits
from shared.domain.outcomes import Accepted, Failed, Poll, PollFailed, Succeeded
from shared.domain.structs import replace
from shared.ports.store import Task, TaskQueue
from tests.domain.examples import OMNI, RUNWAY, a_job, a_request, states
from tests.fakes.jobs import FakeJobs, Trouble
from tests.usecases.harness import ANN, Harness

FAULT = Problem(code=ErrorCode.PROVIDER_ERROR)
CAP = Decimal("4.00")
ZERO = Decimal(0)


def usd(amount: str) -> Decimal:
    return Decimal(amount)


@pytest.fixture
def harness() -> Harness:
    """Runway charges 0.80 for what the catalogue lists at 0.40."""
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=CAP))))
    runway = harness.providers[RUNWAY]
    runway.submissions = [Accepted(task_id="t", max_cost_usd=usd("0.80"))]
    runway.polls = [Succeeded(cost_usd=usd("0.80"))]
    return harness


def create(harness: Harness) -> str:
    create_video = replace(harness.create_video, chain=(RUNWAY,))
    return create_video(ANN, a_request(), Language.ENGLISH).job.job_id


def create_prepared(harness: Harness) -> None:
    """Create a job with a checked image: the next step sends the POST."""
    harness.jobs.create(a_job(chain=(RUNWAY, OMNI)))


def test_a_higher_charge_is_booked_beyond_the_cap(harness: Harness) -> None:
    harness.jobs.limits = Limits(user=Caps(daily_usd=usd("0.40")))
    create_prepared(harness)

    harness.step()

    assert harness.run().delivered
    assert harness.booked == (ZERO, usd("0.80"))


def test_a_higher_price_exceeds_the_cap_by_one_job_at_most(harness: Harness) -> None:
    """Ten jobs of 0.40 fit under 4.00; after the first answer the others cost 0.80."""
    created = 0
    for _ in range(20):
        try:
            create(harness)
        except LimitReached:
            continue
        created += 1
    assert created == 10

    harness.finish()

    ended = harness.jobs.all
    assert all(job.is_final for job in ended)
    assert harness.booked[1] <= CAP + usd("0.40")
    assert harness.booked[0] == 0


def test_a_higher_price_exceeds_the_cap_by_calls_under_way(harness: Harness) -> None:
    """Three POSTs, which fill the cap, are sent before one is answered."""
    harness.jobs.limits = Limits(user=Caps(daily_usd=usd("1.20")))
    for _ in range(3):
        create(harness)
    runway, under_way = harness.providers[RUNWAY], []

    def send_another() -> None:
        under_way.append(1)
        if len(under_way) < 3:
            harness.deliver(next_start(harness))

    runway.during_start = send_another
    harness.deliver(next_start(harness))
    harness.finish()

    assert harness.booked == (ZERO, usd("1.20") + 3 * usd("0.40"))
    with pytest.raises(LimitReached):
        create(harness)


def next_start(harness: Harness) -> Task:
    while not (task := harness.queue.take()) or task.queue is not TaskQueue.STARTS:
        assert task
        harness.deliver(task)
    return task


def test_a_price_that_another_worker_has_just_seen_counts_at_once(
    harness: Harness,
) -> None:
    harness.providers[RUNWAY].submissions = [Accepted(task_id="t")]
    advance = harness.advance
    create_prepared(harness)
    advance("job1", from_starts_queue=True)
    harness.price_watch.report(harness.job, harness.job.attempts[0], usd("0.80"))

    harness.jobs.create(replace(a_job(chain=(RUNWAY,)), job_id="job2"))
    advance("job2", from_starts_queue=True)

    assert harness.jobs.get("job2").value.cost_usd == usd("0.80")


def test_later_jobs_are_planned_at_the_higher_price(harness: Harness) -> None:
    create(harness)
    harness.finish()

    for _ in range(4):
        create(harness)
    with pytest.raises(LimitReached):
        create(harness)

    harness.finish()
    assert harness.booked == (ZERO, CAP)


@pytest.mark.parametrize(
    ("vendor_max", "poll", "is_logged"),
    [
        pytest.param(None, Succeeded(cost_usd=usd("0.80")), True, id="more"),
        pytest.param(None, Succeeded(cost_usd=usd("0.30")), True, id="less"),
        pytest.param(None, Succeeded(cost_usd=usd("0.40")), False, id="as listed"),
        pytest.param(None, Succeeded(), False, id="no figure"),
        pytest.param(
            "0.40", Succeeded(cost_usd=usd("0.30")), False, id="below its max"
        ),
        pytest.param("0.40", Succeeded(cost_usd=usd("0.50")), True, id="above its max"),
        pytest.param(
            None, Failed(problem=FAULT, cost_usd=usd("0")), False, id="a free failure"
        ),
        pytest.param(
            None, Failed(problem=FAULT, cost_usd=usd("0.80")), True, id="a dear failure"
        ),
    ],
)
def test_a_charge_that_differs_from_the_price_is_logged_at_settlement(
    harness: Harness, vendor_max: str | None, poll: Poll, is_logged: bool
) -> None:
    create_prepared(harness)
    runway = harness.providers[RUNWAY]
    said = usd(vendor_max) if vendor_max else None
    runway.submissions = [Accepted(task_id="t", max_cost_usd=said)]
    runway.polls = [poll]
    harness.step()
    harness.clock.pause(6)

    with capture_logs() as lines:
        harness.step()

    assert ("price_differs" in [line["event"] for line in lines]) is is_logged


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(Failed(problem=FAULT), id="it failed, with no word on the price"),
        pytest.param(PollFailed(detail="down"), id="polls fail until the end"),
    ],
)
def test_without_a_final_charge_the_announced_maximum_stays_spent(
    harness: Harness, end: Poll
) -> None:
    create_prepared(harness)
    harness.providers[RUNWAY].polls = [end]
    harness.providers[OMNI].polls = [Succeeded()]
    harness.step()

    job = harness.run()

    assert states(job)[0] == ("runway", "failed")
    assert job.attempts[0].cost_usd == usd("0.80")


def lose_races(harness: Harness) -> None:
    harness.jobs.troubles = [Trouble.LOST_RACE, Trouble.APPLIED]


@pytest.mark.parametrize(
    "during",
    [lambda _: None, Harness.outlive_the_lease, lose_races],
    ids=["in time", "late", "twice"],
)
def test_an_answer_raises_the_hold_and_the_cost_once_even_if_it_comes_late_or_twice(
    harness: Harness, during: Callable[[Harness], None]
) -> None:
    create_prepared(harness)
    harness.providers[RUNWAY].during_start = lambda: during(harness)

    job = harness.step()

    assert (job.hold_usd, job.attempts[0].cost_usd) == (usd("0.80"), usd("0.80"))
    assert harness.booked == (usd("0.80"), ZERO)


@pytest.mark.parametrize("figure", ["1000", "1E+22", "1E+400"])
def test_an_absurd_figure_does_not_stop_all_jobs(harness: Harness, figure: str) -> None:
    """Ten times the price is booked for it, and planned with until the next figure."""
    harness.jobs.limits = Limits(user=Caps(daily_usd=usd("10")))
    runway = harness.providers[RUNWAY]
    runway.submissions = [Accepted(task_id="t")]
    runway.polls = [Succeeded(cost_usd=usd(figure)), Succeeded(cost_usd=usd("0.40"))]

    held = []
    for _ in range(3):
        create(harness)
        held.append(harness.booked[0])
        harness.finish()

    assert held == [usd("0.40"), usd("4.00"), usd("0.40")]
    assert harness.booked == (ZERO, usd("4.80"))


@pytest.mark.parametrize("figure", ["Infinity", "NaN", "sNaN", "-1"])
def test_an_impossible_price_is_ignored(harness: Harness, figure: str) -> None:
    create_prepared(harness)
    runway = harness.providers[RUNWAY]
    runway.submissions = [Accepted(task_id="t", max_cost_usd=usd(figure))]
    runway.polls = [Succeeded(cost_usd=usd(figure))]
    harness.step()

    assert harness.run().delivered
    assert harness.booked == (ZERO, usd("0.40"))
