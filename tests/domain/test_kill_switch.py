"""The kill switch's level after budget notifications and overrides, in any order."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from operator import attrgetter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from shared.domain.budget_notification import NO_AMOUNT, OVERSPENT, BudgetNotification
from shared.domain.kill_switch import (
    KillSwitchState,
    Level,
    ManualOverride,
    allows,
    apply_notification,
    set_manually,
)
from shared.domain.structs import replace
from tests.domain.budgets import DECEMBER, NOVEMBER, OCTOBER, a_notification
from tests.fakes.clock import NOON

NORMAL, TIGHT, PAUSED = Level.NORMAL, Level.TIGHT, Level.PAUSED


def after(
    *notifications: BudgetNotification, switch: KillSwitchState | None = None
) -> KillSwitchState:
    return reduce(apply_notification, notifications, switch or KillSwitchState())


def overridden(
    level: Level, switch: KillSwitchState, *, minute: int = 0
) -> KillSwitchState:
    at = NOON + timedelta(minutes=minute)
    override = ManualOverride(level=level, reason="a test", by="ann", at=at)
    return set_manually(switch, override)


def test_the_level_is_normal_without_any_notification() -> None:
    assert (KillSwitchState().level, KillSwitchState().automatic) == (NORMAL, NORMAL)


@pytest.mark.parametrize(
    ("ratio", "level"),
    [
        ("-1", NORMAL),
        ("0", NORMAL),
        ("0.5", NORMAL),
        ("0.7999999", NORMAL),
        ("0.8", TIGHT),
        ("0.9999999", TIGHT),
        ("1", PAUSED),
        ("7", PAUSED),
        ("Infinity", PAUSED),
    ],
)
def test_a_budgets_ratio_sets_the_level(ratio: str, level: Level) -> None:
    switch = after(a_notification(ratio))

    assert (switch.level, switch.automatic) == (level, level)


def spent(ratio: str, minute: int = 0, **how: Any) -> BudgetNotification:
    return a_notification(ratio, minute=minute, **how)


FULL, FULL_LATER = spent("1"), spent("1", 1)
FULL_NEXT_MONTH = spent("1", 1, interval=DECEMBER)
HALF_OF_TWICE = spent("0.5", amount="200")
UNUSABLE = replace(FULL, budget_amount=NO_AMOUNT, ratio=OVERSPENT)
OTHER = {"budget_id": "b2"}
SUCCESSIVE: dict[str, tuple[Sequence[BudgetNotification], Level]] = {
    "the highest counts": ([FULL, spent("0.2", 1)], PAUSED),
    "a new interval starts from zero": (
        [FULL, spent("0", 1, interval=DECEMBER)],
        NORMAL,
    ),
    "a raised budget lifts the pause": ([FULL, spent("0.5", 1, amount="200")], NORMAL),
    "a lowered budget pauses": ([HALF_OF_TWICE, spent("1.1", 1)], PAUSED),
    "of two at once the lower one": ([FULL, HALF_OF_TWICE], PAUSED),
    "in whatever order": ([HALF_OF_TWICE, FULL], PAUSED),
    "the strictest budget counts": (
        [spent("0.9"), spent("0.1", budget_id="b2")],
        TIGHT,
    ),
    "a budget that may only be late": ([FULL, spent("0.1", 5759, **OTHER)], PAUSED),
    "a budget that another replaced": ([FULL, spent("0.1", 5760, **OTHER)], NORMAL),
    "which publishes again": (
        [FULL, spent("0.1", 5760, **OTHER), spent("1", 5761)],
        PAUSED,
    ),
    "a budget alone, however silent": ([FULL], PAUSED),
    "an unusable one": ([spent("0.1", -1), UNUSABLE], PAUSED),
    "forgotten by now": ([UNUSABLE, spent("0.1", 1)], NORMAL),
    "a forecast": ([spent("0.4", forecast="2.5")], NORMAL),
}


@pytest.mark.parametrize(
    ("notifications", "level"), SUCCESSIVE.values(), ids=SUCCESSIVE
)
def test_successive_notifications_give_a_level(
    notifications: Sequence[BudgetNotification], level: Level
) -> None:
    switch = after(*notifications)

    assert (switch.level, switch.automatic) == (level, level)


@pytest.mark.parametrize(
    ("manual", "ratio", "level"),
    [
        (TIGHT, "0.1", TIGHT),
        (PAUSED, "0.1", PAUSED),
        (PAUSED, "0.9", PAUSED),
        (TIGHT, "1", PAUSED),
        (NORMAL, "0.9", NORMAL),
        (NORMAL, "1", NORMAL),
    ],
)
def test_the_stricter_of_both_levels_counts_but_a_manual_normal_overrides(
    manual: Level, ratio: str, level: Level
) -> None:
    assert overridden(manual, after(a_notification(ratio))).level is level


OVERRIDDEN: dict[
    str, tuple[Sequence[BudgetNotification], BudgetNotification, Level]
] = {
    "the rest of the interval": ([spent("0.9")], spent("1.5", 1), NORMAL),
    "not the next interval": ([FULL], FULL_NEXT_MONTH, PAUSED),
    "an interval without a notification yet": ([], FULL_LATER, NORMAL),
    "and not the one after that": ([], FULL_NEXT_MONTH, PAUSED),
    "set for last month, this month stays guarded": (
        [spent("1", interval=OCTOBER)],
        FULL_LATER,
        PAUSED,
    ),
}


@pytest.mark.parametrize(
    ("before", "then", "level"), OVERRIDDEN.values(), ids=OVERRIDDEN
)
def test_normal_overrides_the_interval_in_which_it_is_set(
    before: Sequence[BudgetNotification], then: BudgetNotification, level: Level
) -> None:
    switch = overridden(NORMAL, after(*before))
    assert switch.level is NORMAL

    assert after(then, switch=switch).level is level


@pytest.mark.parametrize("level", [TIGHT, PAUSED])
def test_a_new_interval_never_lifts_a_manual_level(level: Level) -> None:
    switch = overridden(level, after(a_notification("1")))

    later = after(a_notification("0", interval=DECEMBER, minute=1), switch=switch)

    assert later.level is level
    assert overridden(NORMAL, later, minute=2).level is NORMAL


def test_the_same_setting_again_changes_nothing() -> None:
    first = overridden(NORMAL, after(a_notification("1", interval=OCTOBER)))
    more = after(a_notification("1", minute=1), switch=first)

    assert overridden(NORMAL, more) is more


@pytest.mark.parametrize(
    ("level", "price", "allowed"),
    [
        (NORMAL, "0.40", True),
        (TIGHT, "0.15", True),
        (TIGHT, "0.151", False),
        (PAUSED, "0.00", False),
    ],
)
def test_a_level_allows_providers_by_their_price(
    level: Level, price: str, allowed: bool
) -> None:
    assert allows(level, Decimal(price), Decimal("0.15")) is allowed


notifications = st.builds(
    a_notification,
    st.sampled_from(["0", "0.3", "0.5", "0.79", "0.8", "0.9", "1", "1.2"]),
    budget_id=st.sampled_from(["b1", "b2"]),
    interval=st.sampled_from([OCTOBER, NOVEMBER, DECEMBER]),
    minute=st.integers(-5, 5),
    amount=st.sampled_from(["0", "100", "100.0", "200"]),
    forecast=st.sampled_from([None, "0.9", "1.2"]),
)


@st.composite
def deliveries(
    draw: st.DrawFn,
) -> tuple[list[BudgetNotification], list[BudgetNotification]]:
    """Notifications in the order of publication, and the same shuffled with repeats."""
    drawn = draw(st.lists(notifications, max_size=12))
    published = sorted(drawn, key=attrgetter("published_at"))
    again = draw(st.lists(st.sampled_from(published), max_size=8)) if published else []
    return published, draw(st.permutations(published + again))


@given(deliveries())
def test_repeated_and_reordered_notifications_give_the_same_level(
    delivered: tuple[list[BudgetNotification], list[BudgetNotification]],
) -> None:
    in_order, as_delivered = delivered

    assert after(*as_delivered) == after(*in_order)


@given(deliveries(), st.sampled_from(Level), st.data())
def test_reordered_notifications_around_an_override_give_the_same_level(
    delivered: tuple[list[BudgetNotification], list[BudgetNotification]],
    level: Level,
    data: st.DataObject,
) -> None:
    """Some of those published before the override are delivered after it."""
    in_order, as_delivered = delivered
    early = [n for n in as_delivered if n.published_at <= NOON]
    late = data.draw(st.integers(0, len(early)))
    rest = [n for n in as_delivered if n.published_at > NOON]
    rest = data.draw(st.permutations(early[late:] + rest))

    def settled(
        before: Sequence[BudgetNotification], then: Sequence[BudgetNotification]
    ) -> KillSwitchState:
        return after(*then, switch=overridden(level, after(*before)))

    expected = settled(
        [n for n in in_order if n.published_at <= NOON],
        [n for n in in_order if n.published_at > NOON],
    )
    assert settled(early[:late], rest) == expected
