"""Users wish: "A cap must hold"."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN, ProviderId
from shared.domain.errors import ErrorCode, LimitReached
from shared.domain.ledger import Caps, Limits
from shared.domain.projection import project
from tests.domain.examples import a_job, a_new_job
from tests.fakes.jobs import FakeJobs
from tests.regressions.asking import (
    booked,
    deliver,
    hold,
    take,
)
from tests.usecases.harness import Harness

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


def cap_ann(harness: Harness, daily_usd: Decimal) -> None:
    harness.jobs.limits = Limits(user=Caps(daily_usd=daily_usd))


def test_litellm_26672_nothing_is_served_beyond_the_budget(harness: Harness) -> None:
    price = a_new_job().hold_usd
    cap_ann(harness, 3 * price - Decimal("0.01"))
    take(harness)
    take(harness)

    with pytest.raises(LimitReached) as refused:
        take(harness)

    assert refused.value.limit is ErrorCode.DAILY_LIMIT_REACHED
    assert len(harness.jobs.all) == 2
    assert booked(harness).used_usd == 2 * price


def test_litellm_23714_a_fallback_does_not_break_the_cap(harness: Harness) -> None:
    job = a_new_job(chain=(RUNWAY, OMNI))
    cap_ann(harness, job.hold_usd)
    harness.jobs.create(job)
    deliver(harness, OMNI)

    ended = harness.run()

    assert ended.problem
    assert ended.problem.code is ErrorCode.DAILY_LIMIT_REACHED
    assert harness.providers[OMNI].starts == 0
    assert booked(harness).used_usd <= job.hold_usd


@pytest.mark.parametrize("provider_id", DEFAULT_CHAIN, ids=str)
def test_litellm_38176_what_each_provider_sells_is_counted(
    harness: Harness, provider_id: ProviderId
) -> None:
    hold(harness, a_new_job(chain=(provider_id,)))
    assert booked(harness).open_usd == harness.job.chain[0].price_usd > 0
    deliver(harness, provider_id)

    job = harness.run()

    assert job.delivered
    assert booked(harness).settled_usd == job.cost_usd == job.chain[0].price_usd
    assert harness.jobs.accounts["all.2026-11"].month == booked(harness)


def test_litellm_22726_with_no_budget_set_nothing_is_blocked(harness: Harness) -> None:
    harness.jobs = FakeJobs(
        replace(Limits(), most_open_jobs=200, most_jobs_a_minute=200)
    )

    for _ in range(200):
        take(harness)

    assert booked(harness).open_usd == 200 * a_new_job().hold_usd


def test_litellm_22726_a_budget_of_nothing_is_a_budget(harness: Harness) -> None:
    cap_ann(harness, Decimal(0))

    with pytest.raises(LimitReached):
        take(harness)


def test_litellm_37736_the_counter_enforced_is_the_one_shown(harness: Harness) -> None:
    hold(harness, a_job())
    deliver(harness)
    shown = Decimal(project(harness.run())["cost_usd"])
    next_one = a_new_job(job_id="next")

    cap_ann(harness, shown + next_one.hold_usd - Decimal("0.01"))
    with pytest.raises(LimitReached):
        harness.jobs.create(next_one)
    cap_ann(harness, shown + next_one.hold_usd)
    harness.jobs.create(next_one)

    assert booked(harness).settled_usd == shown > 0
