"""Documents in `control/`: the kill switch, observed prices, missing keys."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, NamedTuple

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import LostRace, Unreachable
from shared.domain.kill_switch import (
    KillSwitchState,
    Level,
    ManualOverride,
    apply_notification,
    set_manually,
)
from shared.domain.observed_prices import ObservedPrice, ObservedPrices
from shared.domain.poll_plan import TaskTimes, TaskTiming
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_document import FirestoreDocument, kill_switch_store
from shared.gcp.firestore_provider_reports import FirestoreProviderReports
from shared.gcp.firestore_records import to_record
from shared.ports.store import Versioned
from tests.domain.budgets import DECEMBER, NOVEMBER, OCTOBER, a_notification
from tests.fakes.clock import NOON
from tests.fakes.document import FakeDocument

PAUSED = apply_notification(KillSwitchState(), a_notification("1"))
TIGHT = apply_notification(KillSwitchState(), a_notification("0.9"))


def everything() -> KillSwitchState:
    """A switch with every field set."""
    at = NOON + timedelta(microseconds=123456)
    setting = ManualOverride(level=Level.NORMAL, reason="그만", by="ann", at=at)
    notifications = [
        a_notification("0.123456789", interval=OCTOBER, forecast="1.1"),
        a_notification("Infinity", amount="0", budget_id="b/2.x"),
        a_notification("0.81", amount="99.50", budget_id="b/2.x", minute=1),
        a_notification("2", interval=DECEMBER, budget_id="b3", minute=2),
    ]
    first = reduce(apply_notification, notifications, KillSwitchState())
    return apply_notification(
        set_manually(first, setting), a_notification("1", minute=3)
    )


class Kept(NamedTuple):
    """A document stored as a whole: its store, its initial value, and later ones."""

    real: Callable[[Database], Any]
    empty: object
    values: tuple[object, object]


PRICE = ObservedPrice(listed_usd=Decimal("0.05"), charged_usd=Decimal("0.114286"))
OBSERVED = ObservedPrices(prices={"gemini-omni-1.2-flash 720p": PRICE})
SWITCH = Kept(kill_switch_store, KillSwitchState(), (everything(), TIGHT))
PRICES = Kept(
    lambda database: FirestoreDocument(database, "prices", ObservedPrices),
    ObservedPrices(),
    (OBSERVED, ObservedPrices()),
)
TIMES = Kept(
    lambda database: FirestoreDocument(database, "task_times", TaskTimes),
    TaskTimes(),
    (
        TaskTimes(kinds={"gen4_turbo 5": (TaskTiming(working=30, ready=35),) * 2}),
        TaskTimes(),
    ),
)


@pytest.fixture(params=[SWITCH, PRICES, TIMES], ids=["switch", "prices", "times"])
def kept(request: pytest.FixtureRequest) -> Kept:
    found: Kept = request.param
    return found


@pytest.fixture(params=["emulator", "fake"])
def store(request: pytest.FixtureRequest, kept: Kept) -> Any:
    if request.param == "fake":
        return FakeDocument(kept.empty)
    return kept.real(request.getfixturevalue("database"))


def test_a_document_never_written_has_its_initial_value(store: Any, kept: Kept) -> None:
    assert store.read() == Versioned(value=kept.empty, token=None)


def test_a_committed_value_is_read_back(store: Any, kept: Kept) -> None:
    for value in kept.values:
        store.commit(store.read(), value)
        assert store.read().value == value


@pytest.mark.parametrize("is_first", [True, False])
def test_a_commit_based_on_a_stale_read_loses_the_race(
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


@pytest.mark.parametrize(
    ("kept", "path", "spoilt"),
    [
        pytest.param(PRICES, "control/prices", {"prices": "0.05"}, id="prices"),
        pytest.param(TIMES, "control/task_times", {"kinds": [1]}, id="times"),
    ],
)
def test_an_unreadable_document_counts_as_missing_and_is_replaced(
    firestore_client: firestore.Client,
    database: Database,
    kept: Kept,
    path: str,
    spoilt: dict[str, Any],
) -> None:
    firestore_client.document(path).set(spoilt)
    store = kept.real(database)

    assert store.read().value == kept.empty
    store.commit(store.read(), kept.values[0])
    assert store.read().value == kept.values[0]


def test_the_stored_document_shows_the_level(
    firestore_client: firestore.Client, database: Database
) -> None:
    store = kill_switch_store(database)
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
def test_an_unreadable_switch_has_no_level(
    firestore_client: firestore.Client, database: Database, broken: dict[str, Any]
) -> None:
    record = to_record(everything()) | broken if broken else {"budgets": {}}
    firestore_client.document("control/generation").set(record)

    with pytest.raises(Unreachable):
        kill_switch_store(database).read()


# Which providers lack a key


def test_the_latest_report_is_read(database: Database) -> None:
    providers = FirestoreProviderReports(database)
    assert providers.read() == frozenset()

    providers.write(frozenset({ProviderId.RUNWAY, ProviderId.OMNI}))
    providers.write(frozenset({ProviderId.OMNI}))

    assert providers.read() == {ProviderId.OMNI}


def test_an_unknown_provider_in_a_report_is_ignored(
    firestore_client: firestore.Client, database: Database
) -> None:
    document = firestore_client.document("control/providers")
    document.set({"not_configured": ["sora", "runway"]})

    assert FirestoreProviderReports(database).read() == {ProviderId.RUNWAY}
