"""Users wish: "A cap must hold"."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN, Link
from shared.domain.errors import ErrorCode, LimitReached
from shared.domain.ledger import Caps, Limits
from shared.domain.projection import project
from tests.domain.examples import a_job, a_new_job
from tests.fakes.jobs import FakeJobs
from tests.usecases.stage import Stage
from tests.wounds.asking import booked, deliver, hold, take

RUNWAY, HTTP, VEO, OMNI = DEFAULT_CHAIN


def cap_ann(stage: Stage, daily_usd: Decimal) -> None:
    stage.jobs.limits = Limits(user=Caps(daily_usd=daily_usd))


def test_litellm_26672_nothing_is_served_beyond_the_budget(stage: Stage) -> None:
    price = a_new_job().hold_usd
    cap_ann(stage, 3 * price - Decimal("0.01"))
    take(stage)
    take(stage)

    with pytest.raises(LimitReached) as refused:
        take(stage)

    assert refused.value.limit is ErrorCode.DAILY_LIMIT_REACHED
    assert len(stage.jobs.all) == 2
    assert booked(stage).used_usd == 2 * price


def test_litellm_23714_a_fallback_does_not_break_the_cap(stage: Stage) -> None:
    job = a_new_job(chain=(RUNWAY, OMNI))
    cap_ann(stage, job.hold_usd)
    stage.jobs.create(job)
    deliver(stage, OMNI)

    ended = stage.run()

    assert ended.problem
    assert ended.problem.code is ErrorCode.DAILY_LIMIT_REACHED
    assert stage.links[OMNI].starts == 0
    assert booked(stage).used_usd <= job.hold_usd


@pytest.mark.parametrize("link", DEFAULT_CHAIN, ids=str)
def test_litellm_38176_what_each_link_sells_is_counted(
    stage: Stage, link: Link
) -> None:
    hold(stage, a_new_job(chain=(link,)))
    assert booked(stage).open_usd == stage.job.chain[0].price_usd > 0
    deliver(stage, link)

    job = stage.run()

    assert job.delivered
    assert booked(stage).settled_usd == job.cost_usd == job.chain[0].price_usd
    assert stage.jobs.accounts["all.2026-11"].month == booked(stage)


def test_litellm_22726_with_no_budget_set_nothing_is_blocked(stage: Stage) -> None:
    stage.jobs = FakeJobs(replace(Limits(), most_open_jobs=200, most_jobs_a_minute=200))

    for _ in range(200):
        take(stage)

    assert booked(stage).open_usd == 200 * a_new_job().hold_usd


def test_litellm_22726_a_budget_of_nothing_is_a_budget(stage: Stage) -> None:
    cap_ann(stage, Decimal(0))

    with pytest.raises(LimitReached):
        take(stage)


def test_litellm_37736_the_counter_enforced_is_the_one_shown(stage: Stage) -> None:
    hold(stage, a_job())
    deliver(stage)
    shown = Decimal(project(stage.run())["cost_usd"])
    next_one = a_new_job(job_id="next")

    cap_ann(stage, shown + next_one.hold_usd - Decimal("0.01"))
    with pytest.raises(LimitReached):
        stage.jobs.create(next_one)
    cap_ann(stage, shown + next_one.hold_usd)
    stage.jobs.create(next_one)

    assert booked(stage).settled_usd == shown > 0
