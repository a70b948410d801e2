"""The port `SwitchStore`: one contract, on the real emulator and on the fake."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from google.cloud import firestore

from shared.domain.errors import LostRace, Unreachable
from shared.domain.kill_switch import (
    Level,
    Setting,
    Switch,
    apply_notification,
    set_manually,
)
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_records import to_record
from shared.gcp.firestore_switch import FirestoreSwitch, switch_of
from shared.guards.kill_switch import KillSwitch
from shared.ports.store import SwitchStore, Versioned
from shared.system import pause
from tests.domain.budgets import DECEMBER, NOVEMBER, OCTOBER, a_notification
from tests.fakes.clock import NOON
from tests.fakes.switch import FakeSwitchStore

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


@pytest.fixture(params=["emulator", "fake"])
def store(request: pytest.FixtureRequest) -> SwitchStore:
    if request.param == "fake":
        return FakeSwitchStore()
    return FirestoreSwitch(request.getfixturevalue("database"))


def test_what_was_never_set_is_normal(store: SwitchStore) -> None:
    assert store.read() == Versioned(value=Switch(), token=None)


def test_a_switch_is_read_as_it_was_committed(store: SwitchStore) -> None:
    store.commit(store.read(), everything())
    assert store.read().value == everything()

    store.commit(store.read(), TIGHT)
    assert store.read().value == TIGHT


def test_the_first_commit_is_one_commit(store: SwitchStore) -> None:
    before = store.read()
    store.commit(before, TIGHT)

    with pytest.raises(LostRace):
        store.commit(before, PAUSED)

    assert store.read().value == TIGHT


def test_a_commit_on_what_was_read_before_another_loses_the_race(
    store: SwitchStore,
) -> None:
    store.commit(store.read(), TIGHT)
    before = store.read()
    store.commit(before, PAUSED)

    with pytest.raises(LostRace):
        store.commit(before, Switch())

    assert store.read().value == PAUSED


def test_concurrent_notifications_all_get_in(store: SwitchStore) -> None:
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
