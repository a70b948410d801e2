"""The port `SwitchStore`: one contract, on the real emulator and on the fake."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import firestore

from shared.domain.errors import CommitUncertain, LostRace, ReelayError, Unreachable
from shared.domain.kill_switch import Level, Setting, Switch, heard, set_manually
from shared.gcp.firestore_switch import FirestoreSwitch, from_record, to_record
from shared.guards.kill_switch import KillSwitch
from shared.ports.store import (
    SwitchStore,
    Versioned,
)
from shared.system import pause
from tests.domain.budgets import DECEMBER, NOVEMBER, OCTOBER, a_notification
from tests.fakes.clock import NOON
from tests.fakes.switch import FakeSwitchStore

PAUSED = heard(Switch(), a_notification("1"))
TIGHT = heard(Switch(), a_notification("0.9"))


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
    first = reduce(heard, notifications, Switch())
    return heard(set_manually(first, setting), a_notification("1", minute=3))


@pytest.fixture(params=["emulator", "fake"])
def store(request: pytest.FixtureRequest) -> SwitchStore:
    if request.param == "fake":
        return FakeSwitchStore()
    return FirestoreSwitch(request.getfixturevalue("firestore_client"))


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

    assert store.read().value == reduce(heard, notifications, Switch())


def test_an_operator_who_looks_sees_the_level(
    firestore_client: firestore.Client,
) -> None:
    store = FirestoreSwitch(firestore_client)
    store.commit(store.read(), PAUSED)

    found = firestore_client.document("control/generation").get()
    shown = found.to_dict() or {}

    assert (shown["level"], shown["by_hand"]) == ("paused", None)
    assert shown["budgets"][0]["interval_start"] == NOVEMBER


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"budgets": None},
        {"by_hand": {"level": "off"}},
        {"by_hand": "paused"},
        {"budgets": [{"budget_id": "b1"}]},
        {"overridable": [{"budget_id": "b1", "interval_start": "now"}]},
    ],
)
def test_a_document_that_is_not_ours_is_no_level(broken: dict[str, Any]) -> None:
    record = to_record(everything()) | broken if broken else {}

    with pytest.raises(Unreachable):
        from_record(record)


class BrokenClient:
    """A client whose every call ends in `error`."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., "BrokenClient"]:
        if name in ("get", "commit"):
            raise self._error
        return lambda *args, **kwargs: self


ERRORS: list[tuple[type[Exception], type[ReelayError]]] = [
    (exceptions.AlreadyExists, LostRace),
    (exceptions.FailedPrecondition, LostRace),
    (exceptions.NotFound, LostRace),
    (exceptions.Aborted, LostRace),
    (exceptions.PermissionDenied, Unreachable),
    (exceptions.Unauthenticated, Unreachable),
    (exceptions.InvalidArgument, Unreachable),
    (exceptions.ServiceUnavailable, CommitUncertain),
    (exceptions.DeadlineExceeded, CommitUncertain),
    (exceptions.InternalServerError, CommitUncertain),
    (exceptions.Unknown, CommitUncertain),
    (exceptions.Cancelled, CommitUncertain),
    (exceptions.TooManyRequests, CommitUncertain),
]


@pytest.mark.parametrize("token", [None, "read"])
@pytest.mark.parametrize(("error", "expected"), ERRORS)
def test_an_error_of_a_commit_says_what_may_have_happened(
    error: type[Exception], expected: type[ReelayError], token: object
) -> None:
    client: Any = BrokenClient(error("no"))
    before = Versioned(value=Switch(), token=token)

    with pytest.raises(expected):
        FirestoreSwitch(client).commit(before, PAUSED)


@pytest.mark.parametrize("error", [error for error, _ in ERRORS])
def test_a_read_that_fails_is_unreachable_whatever_the_error(
    error: type[Exception],
) -> None:
    client: Any = BrokenClient(error("no"))

    with pytest.raises(Unreachable):
        FirestoreSwitch(client).read()
