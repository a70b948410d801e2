"""The plan of a run: the same for the same seed, and nothing is left out of it."""

from itertools import islice

import pytest

from local.fault_injection.plan import (
    ACTS,
    ENDLESS,
    HANGING,
    INJECTIONS,
    STORAGE_FAULTS,
    Point,
    all_asked,
    crash_plan,
    number_of,
    provider_faults,
    racing,
    storage_faults,
)
from local.fault_kinds import Place, ProviderId, kinds_of
from local.faults import Fault


def test_a_seed_gives_one_plan_and_another_seed_another() -> None:
    assert crash_plan(1, 300) == crash_plan(1, 300)
    assert crash_plan(1, 300) != crash_plan(2, 300)


@pytest.mark.parametrize("jobs", [1, 12, 300])
def test_every_act_at_every_point_falls_to_some_job(jobs: int) -> None:
    plan = crash_plan(1, jobs)

    assert plan.keys() == set(INJECTIONS)
    assert all(chosen and chosen <= set(range(jobs)) for chosen in plan.values())


def test_no_point_is_without_an_act() -> None:
    assert all(ACTS[point] for point in Point)


def test_no_job_waits_for_two_leases() -> None:
    leases = [chosen for i, chosen in crash_plan(7, 300).items() if i.costs_a_lease]

    assert len(leases) == 4
    assert sum(len(chosen) for chosen in leases) == len(frozenset().union(*leases))


def test_every_prompt_tells_its_own_job_apart() -> None:
    asked = [*all_asked(3, 50), *racing(3, 50, 10, "racer")]

    assert [number_of(each.prompt) for each in asked] == list(range(60))
    assert number_of("a raccoon looks up") is None


def test_a_large_run_meets_every_kind_of_provider_fault_that_ends() -> None:
    faults = [Fault.from_json(fault) for fault in provider_faults(1, 300)]

    met = {(f.provider, f.place, f.kind) for f in faults}
    wanted = {
        (provider, place, kind)
        for provider in ProviderId
        for place in Place
        for kind in kinds_of(provider, place) - ENDLESS
        if (provider, place) != (ProviderId.VEO, Place.FETCH)
    }
    assert wanted <= met
    assert all(f.times == 1 for f in faults if f.kind in HANGING)


def test_a_small_run_meets_nothing_that_hangs() -> None:
    faults = [Fault.from_json(fault) for fault in provider_faults(1, 12)]

    assert faults and not [f for f in faults if f.kind in HANGING | ENDLESS]


def test_each_round_of_storage_faults_has_all_of_them() -> None:
    one_round = list(islice(storage_faults(1), len(STORAGE_FAULTS)))

    assert len(one_round) == 15
    assert all(fault in one_round for fault in STORAGE_FAULTS)
