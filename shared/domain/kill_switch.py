"""The kill switch: its level, from budget notifications and a manual override.

Notifications arrive repeatedly and out of order. Each is merged by taking maxima, so
the result depends on which of them arrived, not on their order.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field

from shared.domain.budget_notification import BudgetNotification
from shared.domain.structs import replace

HALF = Decimal("0.5")
TIGHT_RATIO = Decimal("0.8")
PAUSED_RATIO = Decimal(1)
ZERO = Decimal(0)
# Google publishes each budget several times a day: after so long it may be given up.
GIVEN_UP_AFTER = timedelta(days=4)


class Level(StrEnum):
    """What may be started, from the least strict to the strictest.

    `tight`: only providers up to a price per second. `paused`: nothing.
    """

    NORMAL = "normal"
    TIGHT = "tight"
    PAUSED = "paused"


class SpentRatio(Struct, frozen=True, kw_only=True):
    """The highest ratio seen for one budget amount, and its latest publish time."""

    ratio: Decimal
    published_at: datetime


class BudgetInterval(Struct, frozen=True, kw_only=True):
    """A budget's newest interval. The budget's amount may change during it."""

    starts_at: datetime
    by_amount: Mapping[Decimal, SpentRatio] = field(default_factory=dict)
    forecast: Decimal = ZERO

    @property
    def ratio(self) -> Decimal:
        """The highest ratio of the latest amount; of two as late, that of the lower."""
        if not self.by_amount:
            return ZERO
        amount = max(self.by_amount, key=lambda a: (self.by_amount[a].published_at, -a))
        return self.by_amount[amount].ratio

    @property
    def last_published_at(self) -> datetime | None:
        times = (spent.published_at for spent in self.by_amount.values())
        return max(times, default=None)

    @property
    def level(self) -> Level:
        if self.ratio >= PAUSED_RATIO:
            return Level.PAUSED
        return Level.TIGHT if self.ratio >= TIGHT_RATIO else Level.NORMAL


class ManualOverride(Struct, frozen=True, kw_only=True):
    """A level that an administrator set."""

    level: Level
    reason: str
    by: str
    at: datetime


class KillSwitchState(Struct, frozen=True, kw_only=True):
    """Every budget's newest interval, and the manual override.

    `overridable`: the start of each budget's newest interval when the override was
    set. A manual `normal` does not override later intervals.
    """

    budgets: Mapping[str, BudgetInterval] = field(default_factory=dict)
    manual_override: ManualOverride | None = None
    overridable: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """The strictest of the manual level and of the budgets not overridden by it."""
        automatic = [
            interval.level
            for budget_id, interval in self.live_budgets.items()
            if not self.is_overridden(budget_id)
        ]
        manual = self.manual_override.level if self.manual_override else Level.NORMAL
        return _strictest(manual, *automatic)

    @property
    def automatic(self) -> Level:
        """The level of the budgets alone, without the manual override."""
        return _strictest(*(interval.level for interval in self.live_budgets.values()))

    @property
    def last_published_at(self) -> datetime | None:
        """When a budget last published anything; None if none ever has."""
        times = (interval.last_published_at for interval in self.budgets.values())
        return max(filter(None, times), default=None)

    @property
    def live_budgets(self) -> Mapping[str, BudgetInterval]:
        """Without those that fell silent long before another one last published: they
        were deleted, and no new interval would ever lift the level that they set.

        If all are silent, notifications may be lost, and the level stays.
        """
        newest = self.last_published_at
        return {
            budget_id: interval
            for budget_id, interval in self.budgets.items()
            if newest is None
            or interval.last_published_at is None
            or newest - interval.last_published_at < GIVEN_UP_AFTER
        }

    def is_overridden(self, budget_id: str) -> bool:
        override = self.manual_override
        if override is None or override.level is not Level.NORMAL:
            return False
        newest = self.overridable.get(budget_id, override.at)
        return self.budgets[budget_id].starts_at <= newest


def apply_notification(
    switch: KillSwitchState, notification: BudgetNotification
) -> KillSwitchState:
    """The switch with this notification merged; unchanged if it already was."""
    overridable = dict(switch.overridable)
    override = switch.manual_override
    if override is not None and notification.published_at <= override.at:
        newest = overridable.get(notification.budget_id, notification.interval_start)
        newest = max(newest, notification.interval_start)
        overridable[notification.budget_id] = newest
    known = switch.budgets.get(notification.budget_id)
    if known is None or known.starts_at < notification.interval_start:
        known = BudgetInterval(starts_at=notification.interval_start)
    if known.starts_at == notification.interval_start:
        known = _merged(known, notification)
    budgets = {**switch.budgets, notification.budget_id: known}
    return replace(switch, budgets=budgets, overridable=overridable)


def set_manually(
    switch: KillSwitchState, setting: ManualOverride | None
) -> KillSwitchState:
    """The switch with this override; unchanged if it is already set.

    None removes the override: only the budgets count again.
    """
    if switch.manual_override == setting:
        return switch
    overridable = {name: known.starts_at for name, known in switch.budgets.items()}
    return replace(switch, manual_override=setting, overridable=overridable)


def allows(
    level: Level, usd_per_second: Decimal, tight_max_usd_per_second: Decimal
) -> bool:
    """Whether a provider of this price may be used for a new video."""
    match level:
        case Level.NORMAL:
            return True
        case Level.TIGHT:
            return usd_per_second <= tight_max_usd_per_second
        case Level.PAUSED:
            return False


def interval_change(
    before: KillSwitchState, after: KillSwitchState, budget_id: str
) -> tuple[BudgetInterval, BudgetInterval]:
    """A budget's interval before and after; for a new interval, before is empty."""
    now = after.budgets[budget_id]
    was = before.budgets.get(budget_id)
    if was is None or was.starts_at != now.starts_at:
        was = BudgetInterval(starts_at=now.starts_at)
    return was, now


def _merged(known: BudgetInterval, notification: BudgetNotification) -> BudgetInterval:
    new = SpentRatio(ratio=notification.ratio, published_at=notification.published_at)
    old = known.by_amount.get(notification.budget_amount, new)
    merged = SpentRatio(
        ratio=max(old.ratio, new.ratio),
        published_at=max(old.published_at, new.published_at),
    )
    return replace(
        known,
        by_amount={**known.by_amount, notification.budget_amount: merged},
        forecast=max(known.forecast, notification.forecast or ZERO),
    )


def _strictest(*levels: Level) -> Level:
    return max(levels, key=list(Level).index, default=Level.NORMAL)
