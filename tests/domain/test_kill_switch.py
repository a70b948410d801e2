"""The level that follows from what budgets and people said, in whatever order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from shared.domain.budget_notice import ALL_AND_MORE, NO_AMOUNT, Notice
from shared.domain.kill_switch import (
    Level,
    Setting,
    Switch,
    allows,
    heard,
    news,
    set_by_hand,
)
from tests.domain.budgets import DECEMBER, NOVEMBER, OCTOBER, a_notice
from tests.fakes.clock import NOON

NORMAL, TIGHT, PAUSED = Level.NORMAL, Level.TIGHT, Level.PAUSED


def told(*notices: Notice, switch: Switch | None = None) -> Switch:
    return reduce(heard, notices, switch or Switch())


def setting(level: Level, *, minute: int = 0) -> Setting:
    at = NOON + timedelta(minutes=minute)
    return Setting(level=level, reason="a test", by="ann", at=at)


def by_hand(level: Level, switch: Switch, *, minute: int = 0) -> Switch:
    return set_by_hand(switch, setting(level, minute=minute))


def test_nothing_known_is_normal() -> None:
    assert (Switch().level, Switch().automatic) == (NORMAL, NORMAL)


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
def test_a_budget_tightens_and_pauses(ratio: str, level: Level) -> None:
    switch = told(a_notice(ratio))

    assert (switch.level, switch.automatic) == (level, level)


def test_a_forecast_changes_no_level() -> None:
    switch = told(a_notice("0.4", forecast="2.5"))

    assert switch.level is NORMAL
    assert switch.budgets["b1"].forecast == Decimal("2.5")


def test_the_highest_seen_counts_even_if_a_later_notice_is_lower() -> None:
    assert told(a_notice("1", minute=1), a_notice("0.2", minute=2)).level is PAUSED


def test_a_new_interval_begins_anew() -> None:
    switch = told(a_notice("1"), a_notice("0.01", interval=DECEMBER, minute=1))

    assert switch.level is NORMAL


def test_an_older_interval_is_ignored() -> None:
    before = told(a_notice("0.1"))

    assert told(a_notice("3", interval=OCTOBER, minute=9), switch=before) == before


def test_a_raised_budget_lifts_the_pause() -> None:
    switch = told(a_notice("1"), a_notice("0.5", amount="200", minute=1))

    assert switch.level is NORMAL


def test_a_late_notice_of_the_old_amount_changes_nothing() -> None:
    raised = told(a_notice("0.5", amount="200", minute=5))

    assert told(a_notice("1", minute=1), switch=raised).level is NORMAL


def test_a_lowered_budget_pauses() -> None:
    switch = told(a_notice("0.5", amount="200"), a_notice("1.1", minute=1))

    assert switch.level is PAUSED


def test_of_two_amounts_told_at_once_the_lower_one_counts() -> None:
    for notices in ((a_notice("1"), a_notice("0.5", amount="200")),) * 2:
        assert told(*notices).level is told(*reversed(notices)).level is PAUSED


def test_the_strictest_budget_counts() -> None:
    switch = told(a_notice("0.9", budget_id="b1"), a_notice("0.1", budget_id="b2"))

    assert switch.level is TIGHT


def test_what_could_not_be_judged_is_forgotten_with_the_next_that_can() -> None:
    bad = replace(a_notice(), budget_amount=NO_AMOUNT, ratio=ALL_AND_MORE)

    assert told(a_notice("0.1", minute=-1), bad).level is PAUSED
    assert told(bad, a_notice("0.1", minute=1)).level is NORMAL


@pytest.mark.parametrize(
    ("hand", "ratio", "level"),
    [
        (TIGHT, "0.1", TIGHT),
        (PAUSED, "0.1", PAUSED),
        (PAUSED, "0.9", PAUSED),
        (TIGHT, "1", PAUSED),
        (NORMAL, "0.9", NORMAL),
        (NORMAL, "1", NORMAL),
    ],
)
def test_the_higher_of_both_counts_but_normal_overrides(
    hand: Level, ratio: str, level: Level
) -> None:
    assert by_hand(hand, told(a_notice(ratio))).level is level


def test_normal_overrides_what_the_interval_still_brings() -> None:
    switch = by_hand(NORMAL, told(a_notice("0.9")))

    after = told(a_notice("1.5", minute=1), switch=switch)

    assert (after.level, after.automatic) == (NORMAL, PAUSED)


def test_normal_overrides_until_the_next_interval() -> None:
    switch = by_hand(NORMAL, told(a_notice("1")))
    next_month = a_notice("1", interval=DECEMBER, minute=1)

    assert told(next_month, switch=switch).level is PAUSED


def test_normal_set_before_the_first_notice_overrides_its_own_interval() -> None:
    switch = by_hand(NORMAL, Switch())
    next_month = a_notice("1", interval=DECEMBER, minute=1)

    assert told(a_notice("1", minute=1), switch=switch).level is NORMAL
    assert told(next_month, switch=switch).level is PAUSED


def test_normal_set_while_last_months_pause_holds_leaves_this_month_guarded() -> None:
    switch = by_hand(NORMAL, told(a_notice("1", interval=OCTOBER)))

    assert switch.level is NORMAL
    assert told(a_notice("1", minute=1), switch=switch).level is PAUSED


@pytest.mark.parametrize("level", [TIGHT, PAUSED])
def test_a_new_interval_never_lifts_what_was_set_by_hand(level: Level) -> None:
    switch = by_hand(level, told(a_notice("1")))

    after = told(a_notice("0", interval=DECEMBER, minute=1), switch=switch)

    assert after.level is level
    assert by_hand(NORMAL, after, minute=2).level is NORMAL


def test_the_same_setting_again_changes_nothing() -> None:
    first = by_hand(NORMAL, told(a_notice("1", interval=OCTOBER)))
    heard_more = told(a_notice("1", minute=1), switch=first)

    assert by_hand(NORMAL, heard_more) is heard_more


@pytest.mark.parametrize(
    ("level", "price", "allowed"),
    [
        (NORMAL, "0.40", True),
        (TIGHT, "0.15", True),
        (TIGHT, "0.151", False),
        (PAUSED, "0.00", False),
    ],
)
def test_a_level_allows_links_by_their_price(
    level: Level, price: str, allowed: bool
) -> None:
    assert allows(level, Decimal(price), Decimal("0.15")) is allowed


def test_the_news_of_an_interval_are_told_against_the_same_interval() -> None:
    november = told(a_notice("0.9"))
    more = told(a_notice("0.95", minute=1), switch=november)
    december = told(a_notice("0.6", interval=DECEMBER), switch=november)

    assert [i.ratio for i in news(november, more, "b1")] == [
        Decimal("0.9"),
        Decimal("0.95"),
    ]
    assert [i.ratio for i in news(november, december, "b1")] == [0, Decimal("0.6")]
    assert [i.ratio for i in news(Switch(), november, "b1")] == [0, Decimal("0.9")]


notices = st.builds(
    a_notice,
    st.sampled_from(["0", "0.3", "0.5", "0.79", "0.8", "0.9", "1", "1.2"]),
    budget_id=st.sampled_from(["b1", "b2"]),
    interval=st.sampled_from([OCTOBER, NOVEMBER, DECEMBER]),
    minute=st.integers(-5, 5),
    amount=st.sampled_from(["0", "100", "100.0", "200"]),
    forecast=st.sampled_from([None, "0.9", "1.2"]),
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Notice], list[Notice]]:
    """Notices once as they were published, and repeatedly in any order."""
    published = sorted(draw(st.lists(notices, max_size=12)), key=_when)
    again = draw(st.lists(st.sampled_from(published), max_size=8)) if published else []
    return published, draw(st.permutations(published + again))


def _when(notice: Notice) -> timedelta:
    return notice.published_at - NOON


@given(deliveries())
@settings(max_examples=400, deadline=None)
def test_repeated_and_out_of_order_gives_the_same_as_once_in_order(
    delivered: tuple[list[Notice], list[Notice]],
) -> None:
    in_order, as_delivered = delivered

    assert told(*as_delivered) == told(*in_order)


@given(deliveries(), st.sampled_from(Level), st.data())
@settings(max_examples=400, deadline=None)
def test_so_it_does_around_what_is_set_by_hand(
    delivered: tuple[list[Notice], list[Notice]], level: Level, data: st.DataObject
) -> None:
    """Late means after the setting; nothing is delivered before it was published."""
    in_order, as_delivered = delivered
    early = [n for n in as_delivered if n.published_at <= NOON]
    late = data.draw(st.integers(0, len(early)))
    rest = [n for n in as_delivered if n.published_at > NOON]
    after = data.draw(st.permutations(early[late:] + rest))

    def settled(before: Sequence[Notice], then: Sequence[Notice]) -> Switch:
        return told(*then, switch=by_hand(level, told(*before)))

    expected = settled(
        [n for n in in_order if n.published_at <= NOON],
        [n for n in in_order if n.published_at > NOON],
    )
    assert settled(early[:late], after) == expected
