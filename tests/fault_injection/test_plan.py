"""The fault plan of a run: reproducible from its seed, and complete."""

from dataclasses import asdict
from itertools import islice

import pytest

from local.fault_injection.plan import (
    ACTIONS,
    ENDLESS,
    HANGING,
    INJECTIONS,
    LEASES,
    FaultAction,
    FaultPlan,
    Point,
)
from local.fault_kinds import PROXY, Place, ProviderId, kinds_of

LARGE, SMALL = FaultPlan(seed=1, jobs=300), FaultPlan(seed=1, jobs=12)


def everything(plan: FaultPlan) -> object:
    moments = list(islice(plan.moments("kill worker", (8, 16)), 5))
    faults = [asdict(fault) for fault in plan.provider_faults()]
    skew = plan.clock_skew_seconds("api")
    return plan.injections(), list(plan.requests()), faults, moments, skew


def test_the_plan_depends_on_the_seed_alone() -> None:
    assert everything(LARGE) == everything(FaultPlan(seed=1, jobs=300))
    assert everything(LARGE) != everything(FaultPlan(seed=2, jobs=300))


@pytest.mark.parametrize("jobs", [1, 12, 300])
def test_every_act_at_every_point_hits_some_job(jobs: int) -> None:
    plan = FaultPlan(seed=1, jobs=jobs).injections()

    assert all(ACTIONS[point] for point in Point)
    assert plan.keys() == set(INJECTIONS)
    assert all(chosen and chosen <= set(range(jobs)) for chosen in plan.values())


def test_translations_crash_only_for_korean_prompts() -> None:
    korean = {r.number for r in LARGE.requests() if not r.prompt.isascii()}
    crashing = LARGE.injections()[f"{FaultAction.KILL_AFTER} {Point.TRANSLATE}"]

    assert frozenset() < crashing <= korean


def test_no_job_waits_for_two_leases() -> None:
    plan = LARGE.injections()
    leases = [plan[name] for name in LEASES]

    assert sum(len(chosen) for chosen in leases) == len(frozenset().union(*leases))


def test_a_large_run_has_every_kind_of_provider_fault_that_ends() -> None:
    faults = LARGE.provider_faults()

    met = {(f.provider, f.place, f.kind) for f in faults}
    wanted = {
        (provider, place, kind)
        for provider in ProviderId
        for place in Place
        for kind in kinds_of(provider, place) - ENDLESS
        if (provider, place) != (ProviderId.VEO, Place.FETCH)
    }
    assert wanted <= met
    assert {(p, Place.START, k) for p in ProviderId for k in PROXY} <= met
    assert all(f.times == 1 for f in faults if f.kind in HANGING)


def test_a_small_run_has_proxies_and_nothing_that_hangs() -> None:
    kinds = {fault.kind for fault in SMALL.provider_faults()}

    assert kinds & PROXY
    assert not kinds & (HANGING | ENDLESS)
