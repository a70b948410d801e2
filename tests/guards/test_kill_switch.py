"""The kill switch at work, whatever happens to its reads and commits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain.budget_notification import (
    MORE_THAN_ALL,
    NO_AMOUNT,
    BudgetNotification,
)
from shared.domain.errors import Unreachable
from shared.domain.kill_switch import Level, Switch, apply_notification
from shared.guards.kill_switch import (
    CACHED,
    KillSwitch,
)
from shared.jobs.commit import SHORT_BACKOFF
from tests.domain.budgets import DECEMBER, a_notification
from tests.fakes.clock import NOON, FrozenClock
from tests.fakes.jobs import Trouble
from tests.fakes.switch import FakeSwitchStore

NORMAL, TIGHT, PAUSED = Level.NORMAL, Level.TIGHT, Level.PAUSED
LOST, DOWN = Trouble.LOST_RACE, Trouble.UNREACHABLE
APPLIED, NOT_APPLIED = Trouble.APPLIED, Trouble.NOT_APPLIED
LATER = NOON + CACHED


@pytest.fixture
def store() -> FakeSwitchStore:
    return FakeSwitchStore()


@pytest.fixture
def switch(store: FakeSwitchStore) -> KillSwitch:
    return KillSwitch(store=store, pause=FrozenClock().pause)


def set_to(switch: KillSwitch, level: Level) -> Switch:
    return switch.set_manually(level=level, reason="a test", by="ann", now=NOON)


def test_nothing_set_is_normal(switch: KillSwitch) -> None:
    assert switch.level(NOON) is NORMAL


def test_a_level_is_looked_up_once_in_five_seconds(
    switch: KillSwitch, store: FakeSwitchStore
) -> None:
    switch.level(NOON)
    store.put(apply_notification(Switch(), a_notification("1")))

    assert switch.level(LATER - timedelta(milliseconds=1)) is NORMAL
    assert store.reads == 1
    assert switch.level(LATER) is PAUSED


def test_a_clock_that_went_back_keeps_no_level_for_longer(
    switch: KillSwitch, store: FakeSwitchStore
) -> None:
    switch.level(NOON + timedelta(days=1))
    store.put(apply_notification(Switch(), a_notification("1")))

    assert switch.level(NOON) is PAUSED


def test_a_level_that_cannot_be_read_is_not_taken_from_the_cache(
    switch: KillSwitch, store: FakeSwitchStore
) -> None:
    switch.level(NOON)
    store.read_failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        switch.level(LATER)

    assert switch.level(LATER) is NORMAL


def test_a_change_holds_at_once_in_its_own_process(switch: KillSwitch) -> None:
    switch.level(NOON)
    set_to(switch, PAUSED)
    assert switch.level(NOON) is PAUSED

    set_to(switch, NORMAL)
    switch.on_budget_notification(a_notification("1", interval=DECEMBER, minute=1))
    assert switch.level(NOON) is PAUSED


def test_a_manual_level_is_kept_with_who_and_why(switch: KillSwitch) -> None:
    after = set_to(switch, TIGHT)

    assert after == switch.show()
    assert after.manual_override
    hand = after.manual_override
    assert (hand.level, hand.reason, hand.by, hand.at) == (TIGHT, "a test", "ann", NOON)


@pytest.mark.parametrize(
    "troubles",
    [[LOST], [APPLIED], [NOT_APPLIED], [LOST, NOT_APPLIED, LOST, APPLIED]],
    ids=", then ".join,
)
def test_a_change_is_made_again_until_it_holds(
    switch: KillSwitch, store: FakeSwitchStore, troubles: list[Trouble]
) -> None:
    store.troubles = list(troubles)
    switch.on_budget_notification(a_notification("0.9"))
    store.troubles = list(troubles)
    set_to(switch, PAUSED)

    assert switch.show().automatic is TIGHT
    assert switch.show().level is PAUSED
    assert store.commits == 2


@pytest.mark.parametrize(
    "troubles",
    [[DOWN], [LOST] * (len(SHORT_BACKOFF) + 1), [NOT_APPLIED] * 9],
    ids=["refused", "always too late", "never answered"],
)
def test_a_change_that_is_not_known_to_hold_is_an_error(
    switch: KillSwitch, store: FakeSwitchStore, troubles: list[Trouble]
) -> None:
    store.troubles = list(troubles)
    with pytest.raises(Unreachable):
        switch.on_budget_notification(a_notification("1"))
    store.troubles = list(troubles)
    with pytest.raises(Unreachable):
        set_to(switch, PAUSED)

    assert switch.show() == Switch()


def test_a_notification_that_came_before_is_not_written_again(
    switch: KillSwitch, store: FakeSwitchStore
) -> None:
    for _ in range(3):
        switch.on_budget_notification(a_notification("0.9"))

    assert store.commits == 1


def events(
    switch: KillSwitch, *notifications: BudgetNotification
) -> list[tuple[str, str]]:
    with capture_logs() as logs:
        for notification in notifications:
            switch.on_budget_notification(notification)
    quiet = ("budget_notification_received",)
    return [(e["event"], e["log_level"]) for e in logs if e["event"] not in quiet]


def test_half_a_budget_is_logged_once_an_interval(switch: KillSwitch) -> None:
    half = ("budget_half_spent", "warning")

    assert events(switch, a_notification("0.49")) == []
    assert events(switch, a_notification("0.5"), a_notification("0.7", minute=1)) == [
        half
    ]
    assert events(switch, a_notification("0.6", interval=DECEMBER, minute=2)) == [half]


def test_a_forecast_only_warns_and_once(switch: KillSwitch) -> None:
    foreseen = a_notification("0.1", forecast="1.2")

    logged = events(switch, foreseen, foreseen)

    assert logged == [("budget_overrun_forecast", "warning")]
    assert switch.level(NOON) is NORMAL


def test_an_unusable_notification_pauses_and_is_always_logged(
    switch: KillSwitch,
) -> None:
    bad = a_notification(str(MORE_THAN_ALL), amount=str(NO_AMOUNT))

    logged = events(switch, bad, bad)

    assert logged.count(("budget_notification_unusable", "error")) == 2
    assert ("generation_level_changed", "error") in logged
    assert switch.level(NOON) is PAUSED


def changes(logs: list[Any]) -> list[tuple[str, str, str]]:
    return [
        (e["log_level"], e["from_level"], e["to_level"])
        for e in logs
        if e["event"] == "generation_level_changed"
    ]


def test_each_change_of_the_level_is_logged_with_its_reason(switch: KillSwitch) -> None:
    with capture_logs() as logs:
        switch.on_budget_notification(a_notification("0.9"))
        switch.on_budget_notification(a_notification("1", minute=1))
        switch.on_budget_notification(a_notification("1.1", minute=2))
        set_to(switch, NORMAL)

    assert changes(logs) == [
        ("warning", "normal", "tight"),
        ("error", "tight", "paused"),
        ("warning", "paused", "normal"),
    ]
    assert logs[-1]["why"] == "set manually: a test"


def test_a_change_whose_answer_got_lost_is_logged_too(
    switch: KillSwitch, store: FakeSwitchStore
) -> None:
    store.troubles = [APPLIED]

    assert ("generation_level_changed", "error") in events(switch, a_notification("1"))


def test_an_unknown_schema_is_merged_and_logged(
    switch: KillSwitch,
) -> None:
    logged = events(switch, replace(a_notification("1"), schema_version="2.0"))

    assert ("budget_schema_unknown", "warning") in logged
    assert switch.level(NOON) is PAUSED
