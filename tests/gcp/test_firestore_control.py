"""What stands in `control/`: the kill switch, observed prices, missing keys."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, NamedTuple

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import LostRace, Unreachable
from shared.domain.kill_switch import (
    Level,
    Setting,
    Switch,
    apply_notification,
    set_manually,
)
from shared.domain.observed_prices import ObservedPrice, ObservedPrices
from shared.domain.poll_plan import TaskTimes, Took
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_prices import FirestorePrices
from shared.gcp.firestore_provider_reports import FirestoreProviderReports
from shared.gcp.firestore_records import to_record
from shared.gcp.firestore_switch import FirestoreSwitch, switch_of
from shared.gcp.firestore_task_times import FirestoreTaskTimes
from shared.guards.kill_switch import KillSwitch
from shared.ports.store import Versioned
from shared.system import pause
from tests.domain.budgets import DECEMBER, NOVEMBER, OCTOBER, a_notification
from tests.fakes.clock import NOON
from tests.fakes.prices import FakePrices
from tests.fakes.switch import FakeSwitchStore
from tests.fakes.task_times import FakeTaskTimes

PAUSED = apply_notification(Switch(), a_notification("1"))
TIGHT = apply_notification(Switch(), a_notification("0.9"))


def everything() -> Switch:
    """A switch with all that one can hold."""
    at = NOON + timedelta(microseconds=123456)
    setting = Setting(level=Level.NORMAL, reason="그만", by="ann", at=at)
    notifications = [
        a_notification("0.123456789", interval=OCTOBER, forecast="1.1"),
        a_notification("Infinity", amount="0", budget_id="b/2.x"),
        a_notification("0.81", amount="99.50", budget_id="b/2.x", minute=1),
        a_notification("2", interval=DECEMBER, budget_id="b3", minute=2),
    ]
    first = reduce(apply_notification, notifications, Switch())
    return apply_notification(
        set_manually(first, setting), a_notification("1", minute=3)
    )


class Kept(NamedTuple):
    """A document that is kept whole: its two stores, what it is at first and later."""

    real: Callable[[Database], Any]
    fake: Callable[[], Any]
    empty: object
    values: tuple[object, object]


PRICE = ObservedPrice(listed_usd=Decimal("0.05"), charged_usd=Decimal("0.114286"))
OBSERVED = ObservedPrices(prices={"gemini-omni-1.2-flash 720p": PRICE})
SWITCH = Kept(FirestoreSwitch, FakeSwitchStore, Switch(), (everything(), TIGHT))
PRICES = Kept(
    FirestorePrices, FakePrices, ObservedPrices(), (OBSERVED, ObservedPrices())
)

TIMES = Kept(
    FirestoreTaskTimes,
    FakeTaskTimes,
    TaskTimes(),
    (TaskTimes(kinds={"gen4_turbo 5": (Took(working=30, ready=35),) * 2}), TaskTimes()),
)


@pytest.fixture(params=[SWITCH, PRICES, TIMES], ids=["switch", "prices", "times"])
def kept(request: pytest.FixtureRequest) -> Kept:
    found: Kept = request.param
    return found


@pytest.fixture(params=["emulator", "fake"])
def store(request: pytest.FixtureRequest, kept: Kept) -> Any:
    if request.param == "fake":
        return kept.fake()
    return kept.real(request.getfixturevalue("database"))


def test_what_was_never_written_is_as_at_first(store: Any, kept: Kept) -> None:
    assert store.read() == Versioned(value=kept.empty, token=None)


def test_what_was_committed_is_read(store: Any, kept: Kept) -> None:
    for value in kept.values:
        store.commit(store.read(), value)
        assert store.read().value == value


@pytest.mark.parametrize("is_first", [True, False])
def test_a_commit_on_what_was_read_before_another_loses_the_race(
    store: Any, kept: Kept, is_first: bool
) -> None:
    first, other = kept.values
    if not is_first:
        store.commit(store.read(), other)
    before = store.read()
    store.commit(before, first)

    with pytest.raises(LostRace):
        store.commit(before, other)

    assert store.read().value == first


def test_observed_prices_that_are_not_ours_count_as_none_and_are_replaced(
    database: Database,
) -> None:
    batch = database.batch()
    batch.put(database.document("control", "prices"), {"prices": "0.05"}, None)
    batch.commit()
    store = FirestorePrices(database)

    assert store.read().value == ObservedPrices()
    store.commit(store.read(), OBSERVED)
    assert store.read().value == OBSERVED


def test_task_times_that_are_not_ours_count_as_none_and_are_replaced(
    database: Database,
) -> None:
    batch = database.batch()
    batch.put(database.document("control", "task_times"), {"kinds": [1]}, None)
    batch.commit()
    store = FirestoreTaskTimes(database)

    assert store.read().value == TaskTimes()
    store.commit(store.read(), TIMES.values[0])  # type: ignore[arg-type]
    assert store.read().value == TIMES.values[0]


@pytest.mark.parametrize("kept", [SWITCH], ids=["switch"])
def test_concurrent_notifications_all_get_in(store: Any) -> None:
    notifications = [
        a_notification(f"0.{n}", budget_id=f"b{n % 3}", amount=str(100 + n), minute=n)
        for n in range(10, 22)
    ]

    def on_budget_notification(notification: Any) -> object:
        return KillSwitch(store=store, pause=pause).on_budget_notification(notification)

    with ThreadPoolExecutor(len(notifications)) as pool:
        assert all(pool.map(on_budget_notification, notifications))

    assert store.read().value == reduce(apply_notification, notifications, Switch())


def test_an_operator_who_looks_sees_the_level(
    firestore_client: firestore.Client,
    database: Database,
) -> None:
    store = FirestoreSwitch(database)
    store.commit(store.read(), PAUSED)

    found = firestore_client.document("control/generation").get()
    shown = found.to_dict() or {}

    assert (shown["level"], shown["manual_override"]) == ("paused", None)
    assert shown["budgets"]["b1"]["starts_at"] == NOVEMBER


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"budgets": None},
        {"manual_override": {"level": "off"}},
        {"manual_override": "paused"},
        {"budgets": {"b1": {}}},
        {"overridable": {"b1": "now"}},
    ],
)
def test_a_document_that_is_not_ours_is_no_level(broken: dict[str, Any]) -> None:
    record = to_record(everything()) | broken if broken else {}

    with pytest.raises(Unreachable):
        switch_of(record)


# Which providers lack a key


def test_nothing_reported_is_nothing_missing(
    database: Database,
) -> None:
    assert FirestoreProviderReports(database).read() == frozenset()


def test_what_was_reported_last_is_read(database: Database) -> None:
    providers = FirestoreProviderReports(database)

    providers.write(frozenset({ProviderId.RUNWAY, ProviderId.OMNI}))
    providers.write(frozenset({ProviderId.OMNI}))

    assert providers.read() == {ProviderId.OMNI}


def test_a_provider_of_another_version_is_left_out(
    firestore_client: firestore.Client,
    database: Database,
) -> None:
    document = firestore_client.document("control/providers")
    document.set({"not_configured": ["sora", "runway"]})

    assert FirestoreProviderReports(database).read() == {ProviderId.RUNWAY}
