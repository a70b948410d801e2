"""The kill switch, with failing reads and commits."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from shared.domain.budget_notification import NO_AMOUNT, OVERSPENT, BudgetNotification
from shared.domain.errors import Unreachable
from shared.domain.kill_switch import (
    KillSwitchState,
    Level,
    ManualOverride,
    apply_notification,
)
from shared.domain.structs import replace
from shared.guards.kill_switch import CACHE_TTL, KillSwitch
from shared.jobs.commit import SHORT_BACKOFF
from tests.domain.budgets import DECEMBER, a_notification
from tests.fakes.clock import NOON, FrozenClock
from tests.fakes.document import FakeDocument
from tests.fakes.jobs import Trouble

NORMAL, TIGHT, PAUSED = Level.NORMAL, Level.TIGHT, Level.PAUSED
LOST, DOWN = Trouble.LOST_RACE, Trouble.UNREACHABLE
APPLIED, NOT_APPLIED = Trouble.APPLIED, Trouble.NOT_APPLIED
LATER = NOON + CACHE_TTL


@pytest.fixture
def store() -> FakeDocument[KillSwitchState]:
    return FakeDocument(KillSwitchState())


@pytest.fixture
def switch(store: FakeDocument[KillSwitchState]) -> KillSwitch:
    return KillSwitch(store=store, pause=FrozenClock().pause)


def set_to(switch: KillSwitch, level: Level) -> KillSwitchState:
    return switch.set_manually(level=level, reason="a test", by="ann", now=NOON)


@pytest.mark.parametrize(
    ("at", "level", "reads"),
    [
        (LATER - timedelta(milliseconds=1), NORMAL, 1),
        (LATER, PAUSED, 2),
        (NOON - timedelta(days=1), PAUSED, 2),
    ],
    ids=["within five seconds", "after five seconds", "by a clock that was set back"],
)
def test_a_level_is_cached_for_five_seconds(
    switch: KillSwitch,
    store: FakeDocument[KillSwitchState],
    at: datetime,
    level: Level,
    reads: int,
) -> None:
    assert switch.level(NOON) is NORMAL
    store.put(apply_notification(KillSwitchState(), a_notification("1")))

    assert switch.level(at) is level
    assert store.reads == reads


def test_an_expired_level_that_cannot_be_read_is_an_error(
    switch: KillSwitch, store: FakeDocument[KillSwitchState]
) -> None:
    switch.level(NOON)
    store.read_failures = [Unreachable("down")]

    with pytest.raises(Unreachable):
        switch.level(LATER)

    assert switch.level(LATER) is NORMAL


def test_without_an_override_the_budgets_count_again(switch: KillSwitch) -> None:
    set_to(switch, PAUSED)

    after = switch.set_manually(level=None, reason="over", by="ann", now=NOON)

    assert after == KillSwitchState()
    assert switch.level(NOON) is NORMAL


def test_a_change_applies_at_once_in_its_own_process(switch: KillSwitch) -> None:
    switch.level(NOON)
    after = set_to(switch, PAUSED)
    assert switch.level(NOON) is PAUSED
    assert (
        after == switch.show() == KillSwitchState(manual_override=after.manual_override)
    )
    assert after.manual_override == ManualOverride(
        level=PAUSED, reason="a test", by="ann", at=NOON
    )

    set_to(switch, NORMAL)
    switch.on_budget_notification(a_notification("1", interval=DECEMBER, minute=1))
    assert switch.level(NOON) is PAUSED


@pytest.mark.parametrize(
    "troubles",
    [[LOST], [APPLIED], [NOT_APPLIED], [LOST, NOT_APPLIED, LOST, APPLIED]],
    ids=", then ".join,
)
def test_a_change_is_retried_until_it_is_committed(
    switch: KillSwitch, store: FakeDocument[KillSwitchState], troubles: list[Trouble]
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
def test_a_change_not_known_to_be_committed_is_an_error(
    switch: KillSwitch, store: FakeDocument[KillSwitchState], troubles: list[Trouble]
) -> None:
    store.troubles = list(troubles)
    with pytest.raises(Unreachable):
        switch.on_budget_notification(a_notification("1"))
    store.troubles = list(troubles)
    with pytest.raises(Unreachable):
        set_to(switch, PAUSED)

    assert switch.show() == KillSwitchState()


HALF, FORECAST = (
    ("budget_half_spent", "warning"),
    ("budget_overrun_forecast", "warning"),
)
UNUSABLE = ("budget_notification_unusable", "error")
PAUSES, TIGHTENS = (
    ("generation_level_changed", log_level) for log_level in ("error", "warning")
)
NONSENSE = a_notification(str(OVERSPENT), amount=str(NO_AMOUNT))


SPENT_HALF, TIGHT_NOW = a_notification("0.5"), a_notification("0.9")
LATER_MONTH = a_notification("0.6", interval=DECEMBER)
NEW_SCHEMA = replace(a_notification("1"), schema_version="2.0")
UNKNOWN_SCHEMA = ("budget_schema_unknown", "warning")
Logged = list[tuple[str, str]]
# What is logged, and the level and the number of commits afterwards.
NOTIFICATIONS: dict[str, tuple[list[BudgetNotification], Logged, Level, int]] = {
    "less": ([a_notification("0.49")], [], NORMAL, 1),
    "half": ([SPENT_HALF, a_notification("0.7", minute=1)], [HALF], NORMAL, 2),
    "a new interval": ([SPENT_HALF, LATER_MONTH], [HALF, HALF], NORMAL, 2),
    "forecast": ([a_notification("0.1", forecast="1.2")] * 2, [FORECAST], NORMAL, 1),
    "tight": ([TIGHT_NOW] * 3, [HALF, TIGHTENS], TIGHT, 1),
    "nonsense": ([NONSENSE] * 2, [UNUSABLE, HALF, PAUSES, UNUSABLE], PAUSED, 1),
    "schema": ([NEW_SCHEMA], [UNKNOWN_SCHEMA, HALF, PAUSES], PAUSED, 1),
}


@pytest.mark.parametrize(
    ("notifications", "logged", "level", "commits"),
    NOTIFICATIONS.values(),
    ids=NOTIFICATIONS,
)
def test_a_notification_is_logged_with_what_it_changes(
    switch: KillSwitch,
    store: FakeDocument[KillSwitchState],
    notifications: list[BudgetNotification],
    logged: list[tuple[str, str]],
    level: Level,
    commits: int,
) -> None:
    """An uncertain commit is logged as well; a repeated notification isn't written."""
    store.troubles = [APPLIED]
    with capture_logs() as logs:
        for notification in notifications:
            switch.on_budget_notification(notification)

    received = [e for e in logs if e["event"] == "budget_notification_received"]
    assert [(e["event"], e["log_level"]) for e in logs if e not in received] == logged
    assert len(received) == len(notifications)
    assert (switch.level(NOON), store.commits) == (level, commits)


def test_each_change_of_the_level_is_logged_with_its_reason(switch: KillSwitch) -> None:
    with capture_logs() as logs:
        for nth, ratio in enumerate(("0.9", "1", "1.1")):
            switch.on_budget_notification(a_notification(ratio, minute=nth))
        set_to(switch, NORMAL)

    assert [
        (e["log_level"], e["from_level"], e["to_level"])
        for e in logs
        if e["event"] == "generation_level_changed"
    ] == [
        ("warning", "normal", "tight"),
        ("error", "tight", "paused"),
        ("warning", "paused", "normal"),
    ]
    assert logs[-1]["why"] == "set manually: a test"


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("days", "is_reported"),
    [(0, False), (1.9, False), (2, True), (3.9, True), (4, False), (90, False)],
)
def test_a_budget_that_falls_silent_is_reported_for_two_days(
    days: float, *, is_reported: bool, switch: KillSwitch
) -> None:
    """After that, it counts as switched off on purpose."""
    switch.on_budget_notification(a_notification(budget_id="older"))
    switch.on_budget_notification(a_notification(minute=30))

    with capture_logs() as lines:
        switch.report_silence(NOON + timedelta(minutes=30) + days * DAY)

    assert [line["event"] for line in lines] == ["budget_silent"] * is_reported


def test_without_a_budget_there_is_no_silence(switch: KillSwitch) -> None:
    with capture_logs() as lines:
        switch.report_silence(NOON)

    assert lines == []
