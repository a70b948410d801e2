"""A price that differs is an error event once seen, and planned with from then on."""

from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId, Resolution
from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.ledger import Caps, Limits
from tests.domain.examples import a_job, at_provider, running, states
from tests.usecases.harness import Harness

P720 = Resolution.P720
JOB = running(a_job(), ProviderId.RUNWAY)
ATTEMPT = at_provider(JOB, ProviderId.RUNWAY)
EXPENSIVE = Decimal("0.80")


def report(harness: Harness, charged: Decimal = EXPENSIVE) -> list[str]:
    """The events that it logs."""
    with capture_logs() as lines:
        harness.price_watch.report(JOB, ATTEMPT, charged)
    return [line["event"] for line in lines]


def first_price(harness: Harness) -> Decimal:
    return harness.price_watch.plan(a_job().chain, P720)[0].price_usd


def test_a_difference_is_an_error_that_names_both_prices(harness: Harness) -> None:
    with capture_logs() as lines:
        harness.price_watch.report(JOB, ATTEMPT, EXPENSIVE)

    assert lines == [
        {
            "event": "price_differs",
            "log_level": "error",
            "job_id": "job1",
            "ai_model": "runway",
            "expected_usd": "0.40",
            "charged_usd": "0.80",
        }
    ]
    assert first_price(harness) == EXPENSIVE


def test_a_price_as_expected_is_neither_told_nor_looked_up(harness: Harness) -> None:
    harness.prices.read_failures = [Unreachable("never asked")]

    assert report(harness, ATTEMPT.price_usd) == []


def test_a_lower_price_is_told_and_plans_stay_as_they_are(harness: Harness) -> None:
    assert report(harness, Decimal("0.10")) == ["price_differs"]
    assert first_price(harness) == ATTEMPT.price_usd


@pytest.mark.parametrize("trouble", [LostRace("faster"), CommitUncertain("no answer")])
def test_a_lost_race_is_run_again(harness: Harness, trouble: Exception) -> None:
    harness.prices.failures = [trouble]  # type: ignore[list-item] # a ReelayError

    report(harness)

    assert first_price(harness) == EXPENSIVE


def test_without_its_store_jobs_go_on_at_the_catalogues_prices(
    harness: Harness,
) -> None:
    harness.prices.read_failures = [Unreachable("down")] * 2

    assert report(harness) == ["price_differs", "prices_not_written"]
    assert first_price(harness) == ATTEMPT.price_usd


def test_what_was_read_is_believed_for_5_seconds(harness: Harness) -> None:
    watch, other = harness.price_watch, harness.price_watch
    watch.plan(a_job().chain, P720)
    other.report(JOB, ATTEMPT, EXPENSIVE)

    for seconds, price in ((4.9, Decimal("0.40")), (0.1, EXPENSIVE)):
        harness.clock.pause(seconds)
        assert watch.plan(a_job().chain, P720)[0].price_usd == price


def test_what_it_reported_itself_counts_at_once(harness: Harness) -> None:
    watch = harness.price_watch
    watch.plan(a_job().chain, P720)

    watch.report(JOB, ATTEMPT, EXPENSIVE)

    assert watch.plan(a_job().chain, P720)[0].price_usd == EXPENSIVE


def test_before_a_post_the_price_is_read_anew(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.jobs.limits = Limits(user=Caps(daily_usd=ATTEMPT.price_usd / 2))
    advance, other = harness.advance, harness.price_watch
    advance.starting.price_watch.plan(a_job().chain, P720)
    other.report(JOB, ATTEMPT, EXPENSIVE)

    advance("job1", from_starts_queue=True)

    assert states(harness.job)[0] == ("runway", "skipped")
    assert harness.starts == 0


def test_a_price_that_was_read_once_outlives_its_store(harness: Harness) -> None:
    watch = harness.price_watch
    watch.report(JOB, ATTEMPT, EXPENSIVE)
    watch.plan(a_job().chain, P720)
    harness.clock.pause(60)
    harness.prices.read_failures = [Unreachable("down")]

    assert watch.plan(a_job().chain, P720)[0].price_usd == EXPENSIVE
