"""A charge that differs from the catalogue is logged, and used for later plans."""

from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from shared.domain.catalogue import ProviderId, Resolution
from shared.domain.errors import Unreachable
from shared.domain.job import Attempt, Job
from shared.domain.ledger import Caps, Limits
from shared.jobs.commit import SHORT_BACKOFF
from tests.domain.examples import a_job, at_provider, running, states
from tests.fakes.jobs import Trouble
from tests.usecases.harness import Harness

P720 = Resolution.P720
EXPENSIVE = Decimal("0.80")


def a_running_job() -> Job:
    return running(a_job(), ProviderId.RUNWAY)


def an_attempt() -> Attempt:
    return at_provider(a_running_job(), ProviderId.RUNWAY)


def report(harness: Harness, charged: Decimal = EXPENSIVE) -> list[str]:
    """Report a charge; returns the names of the events logged."""
    with capture_logs() as lines:
        harness.price_watch.report(a_running_job(), an_attempt(), charged)
    return [line["event"] for line in lines]


def first_price(harness: Harness) -> Decimal:
    return harness.price_watch.plan(a_job().chain, P720)[0].price_usd


def test_a_difference_is_logged_as_an_error_with_both_prices(harness: Harness) -> None:
    with capture_logs() as lines:
        harness.price_watch.report(a_running_job(), an_attempt(), EXPENSIVE)

    assert lines == [
        {
            "event": "price_differs",
            "log_level": "error",
            "job_id": "job1",
            "ai_model": "runway",
            "expected_usd": "0.40",
            "charged_usd": "0.80",
            "reported_usd": "0.80",
        }
    ]
    assert first_price(harness) == EXPENSIVE


def test_an_implausible_figure_is_logged_beside_the_price(harness: Harness) -> None:
    with capture_logs() as lines:
        harness.price_watch.report(a_running_job(), an_attempt(), Decimal(400))

    assert (lines[0]["charged_usd"], lines[0]["reported_usd"]) == ("4.00", "400")
    assert first_price(harness) == Decimal("4.00")


def test_an_expected_price_is_neither_logged_nor_looked_up(harness: Harness) -> None:
    harness.prices.read_failures = [Unreachable("never asked")]

    assert report(harness, an_attempt().price_usd) == []


@pytest.mark.parametrize("trouble", [Trouble.LOST_RACE, Trouble.NOT_APPLIED])
def test_a_lost_race_is_retried(harness: Harness, trouble: Trouble) -> None:
    harness.prices.troubles = [trouble]

    report(harness)

    assert first_price(harness) == EXPENSIVE


def test_a_report_that_is_never_known_to_be_kept_is_logged(harness: Harness) -> None:
    harness.prices.troubles = [Trouble.NOT_APPLIED] * (1 + len(SHORT_BACKOFF))

    assert report(harness) == ["price_differs", "prices_not_written"]


def test_without_the_store_jobs_use_the_catalogues_prices(harness: Harness) -> None:
    harness.prices.read_failures = [Unreachable("down")] * 2

    assert report(harness) == ["price_differs", "prices_not_written"]
    assert first_price(harness) == an_attempt().price_usd


def test_observed_prices_are_cached_for_5_seconds(harness: Harness) -> None:
    watch, other = harness.price_watch, harness.price_watch
    watch.plan(a_job().chain, P720)
    other.report(a_running_job(), an_attempt(), EXPENSIVE)

    for seconds, price in ((4.9, Decimal("0.40")), (0.1, EXPENSIVE)):
        harness.clock.pause(seconds)
        assert watch.plan(a_job().chain, P720)[0].price_usd == price


def test_its_own_report_applies_at_once(harness: Harness) -> None:
    watch = harness.price_watch
    watch.plan(a_job().chain, P720)

    watch.report(a_running_job(), an_attempt(), EXPENSIVE)

    assert watch.plan(a_job().chain, P720)[0].price_usd == EXPENSIVE


def test_the_price_is_read_again_before_a_post(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.jobs.limits = Limits(user=Caps(daily_usd=an_attempt().price_usd / 2))
    advance, other = harness.advance, harness.price_watch
    advance.submit_step.price_watch.plan(a_job().chain, P720)
    other.report(a_running_job(), an_attempt(), EXPENSIVE)

    advance("job1", from_starts_queue=True)

    assert states(harness.job)[0] == ("runway", "skipped")
    assert harness.starts == 0


def test_a_price_once_read_survives_an_outage_of_the_store(harness: Harness) -> None:
    watch = harness.price_watch
    watch.report(a_running_job(), an_attempt(), EXPENSIVE)
    watch.plan(a_job().chain, P720)
    harness.clock.pause(60)
    harness.prices.read_failures = [Unreachable("down")]

    assert watch.plan(a_job().chain, P720)[0].price_usd == EXPENSIVE
