"""What the vendor says that a task may charge is held from its answer on."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.errors import ErrorCode, LimitReached, Problem, Unreachable
from shared.domain.job import Job, Language
from shared.domain.ledger import Caps, Limits
from shared.domain.outcomes import (
    Accepted,
    Failed,
    LeaseExpired,
    Poll,
    PollFailed,
    Succeeded,
)
from shared.domain.structs import replace
from shared.ports.identity import Caller
from shared.ports.store import StepTask
from tests.domain.examples import OMNI, RUNWAY, SECOND, a_job, a_request, states
from tests.fakes.jobs import FakeJobs, Trouble
from tests.usecases.harness import Harness, create_video

FAULT = Problem(code=ErrorCode.PROVIDER_ERROR)
CAP = Decimal("4.00")
NOTHING = Decimal(0)


def usd(amount: str) -> Decimal:
    return Decimal(amount)


@pytest.fixture
def harness() -> Harness:
    """Runway takes 0.80 for what the catalogue lists at 0.40."""
    harness = Harness(jobs=FakeJobs(Limits(user=Caps(daily_usd=CAP))))
    runway = harness.providers[RUNWAY]
    runway.submissions = [Accepted(task_id="t", max_cost_usd=usd("0.80"))]
    runway.polls = [Succeeded(cost_usd=usd("0.80"))]
    return harness


def take(harness: Harness) -> str:
    create = create_video(harness, chain=(RUNWAY,))
    return create(Caller(user_id="ann"), a_request(), Language.ENGLISH).job.job_id


def hold(harness: Harness) -> Job:
    """Its image is checked; the next step sends the POST."""
    harness.jobs.create(replace(a_job(chain=(RUNWAY, OMNI)), version=1))
    return harness.job


def test_the_answer_raises_the_hold_and_the_cost(harness: Harness) -> None:
    hold(harness)

    job = harness.step()

    assert (job.hold_usd, job.cost_usd) == (usd("0.80"), usd("0.80"))
    assert harness.booked == (usd("0.80"), NOTHING)


def test_it_is_owed_though_no_cap_has_room_and_the_job_goes_on(
    harness: Harness,
) -> None:
    harness.jobs.limits = Limits(user=Caps(daily_usd=usd("0.40")))
    hold(harness)

    harness.step()

    assert harness.run().delivered
    assert harness.booked == (NOTHING, usd("0.80"))


def test_a_price_that_has_risen_passes_the_cap_by_one_job_at_most(
    harness: Harness,
) -> None:
    """Ten jobs of 0.40 fit 4.00; after the first answer the others cost 0.80."""
    taken = 0
    for _ in range(20):
        try:
            take(harness)
        except LimitReached:
            continue
        taken += 1
    assert taken == 10

    harness.finish()

    ended = harness.jobs.all
    assert all(job.is_final for job in ended)
    assert harness.booked[1] <= CAP + usd("0.40")
    assert harness.booked[0] == 0


def test_it_passes_the_cap_by_what_is_under_way_at_its_first_answer_and_no_more(
    harness: Harness,
) -> None:
    """Three POSTs are sent before one is answered: they fill the cap."""
    harness.jobs.limits = Limits(user=Caps(daily_usd=usd("1.20")))
    for _ in range(3):
        take(harness)
    runway, under_way = harness.providers[RUNWAY], []

    def send_another() -> None:
        under_way.append(1)
        if len(under_way) < 3:
            harness.deliver(next_start(harness))

    runway.during_start = send_another
    harness.deliver(next_start(harness))
    harness.finish()

    assert harness.booked == (NOTHING, usd("1.20") + 3 * usd("0.40"))
    with pytest.raises(LimitReached):
        take(harness)


def next_start(harness: Harness) -> StepTask:
    while not (task := harness.queue.take()) or not task.is_start:
        assert task
        harness.deliver(task)
    return task


def test_later_jobs_are_planned_at_the_higher_price(harness: Harness) -> None:
    take(harness)
    harness.finish()

    for _ in range(4):
        take(harness)
    with pytest.raises(LimitReached):
        take(harness)

    harness.finish()
    assert harness.booked == (NOTHING, CAP)


def test_the_difference_is_told_when_the_task_is_taken(harness: Harness) -> None:
    hold(harness)

    with capture_logs() as lines:
        harness.step()

    told = [line for line in lines if line["event"] == "price_differs"]
    assert [(line["expected_usd"], line["charged_usd"]) for line in told] == [
        ("0.40", "0.80")
    ]


@pytest.mark.parametrize(
    ("vendor_max", "poll", "is_told"),
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
def test_at_settlement_the_vendors_own_figure_is_told_if_it_differs(
    harness: Harness, vendor_max: str | None, poll: Poll, is_told: bool
) -> None:
    hold(harness)
    runway = harness.providers[RUNWAY]
    said = usd(vendor_max) if vendor_max else None
    runway.submissions = [Accepted(task_id="t", max_cost_usd=said)]
    runway.polls = [poll]
    harness.step()
    harness.clock.pause(6)

    with capture_logs() as lines:
        harness.step()

    assert ("price_differs" in [line["event"] for line in lines]) is is_told


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(Failed(problem=FAULT), id="it failed, with no word on the price"),
        pytest.param(PollFailed(detail="down"), id="it was never heard of again"),
    ],
)
def test_without_a_figure_at_the_end_what_was_announced_stays_spent(
    harness: Harness, end: Poll
) -> None:
    hold(harness)
    harness.providers[RUNWAY].polls = [end]
    harness.providers[OMNI].polls = [Succeeded()]
    harness.step()

    job = harness.run()

    assert states(job)[0] == ("runway", "failed")
    assert job.attempts[0].cost_usd == usd("0.80")


def outlive_the_lease(harness: Harness) -> None:
    harness.clock.move(timing.LEASE + SECOND)
    expired = LeaseExpired(attempt_id=harness.job.attempts[0].attempt_id)
    harness.committer.commit(harness.jobs.get("job1"), expired)


def lose_races(harness: Harness) -> None:
    harness.jobs.troubles = [Trouble.LOST_RACE, Trouble.APPLIED]


@pytest.mark.parametrize("during", [outlive_the_lease, lose_races])
def test_an_answer_that_comes_late_or_twice_is_held_once(
    harness: Harness, during: Callable[[Harness], None]
) -> None:
    hold(harness)
    harness.providers[RUNWAY].during_start = lambda: during(harness)

    job = harness.step()

    assert (job.hold_usd, job.attempts[0].cost_usd) == (usd("0.80"), usd("0.80"))
    assert harness.booked == (usd("0.80"), NOTHING)


@pytest.mark.parametrize("figure", ["1E+22", "1E+400", "Infinity", "NaN", "sNaN", "-1"])
def test_a_figure_that_can_be_no_price_breaks_nothing(
    harness: Harness, figure: str
) -> None:
    hold(harness)
    runway = harness.providers[RUNWAY]
    runway.submissions = [Accepted(task_id="t", max_cost_usd=usd(figure))]
    runway.polls = [Succeeded(cost_usd=usd(figure))]
    harness.step()

    assert harness.run().delivered
    assert harness.booked == (NOTHING, usd("0.40"))


def test_without_the_observed_prices_the_announced_one_is_held_all_the_same(
    harness: Harness,
) -> None:
    hold(harness)
    harness.prices.read_failures = [Unreachable("down")] * 9

    assert harness.step().hold_usd == usd("0.80")
