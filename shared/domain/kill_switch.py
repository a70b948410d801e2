"""The kill switch: budget notifications and a manual override, and the level of both.

Notifications come repeatedly and out of order. Each is merged by taking maxima, so the
result depends on which of them came, not on when.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field

from shared.domain.budget_notification import BudgetNotification
from shared.domain.structs import replace

HALF = Decimal("0.5")
TIGHT_FROM = Decimal("0.8")
PAUSED_FROM = Decimal(1)
NOTHING = Decimal(0)


class Level(StrEnum):
    """What may be started, from the least strict to the strictest.

    `tight`: only providers up to a price per second. `paused`: nothing.
    """

    NORMAL = "normal"
    TIGHT = "tight"
    PAUSED = "paused"

    @property
    def strictness(self) -> int:
        return list(Level).index(self)


class Spent(Struct, frozen=True, kw_only=True):
    """The highest ratio seen of one budget amount, and its latest publish time."""

    ratio: Decimal
    published_at: datetime


class Interval(Struct, frozen=True, kw_only=True):
    """A budget's newest interval. The budget's amount may change during it."""

    starts_at: datetime
    by_amount: Mapping[Decimal, Spent] = field(default_factory=dict)
    forecast: Decimal = NOTHING

    @property
    def ratio(self) -> Decimal:
        """The highest seen of the latest amount; if two are as late, of the lower."""
        if not self.by_amount:
            return NOTHING
        amount = max(self.by_amount, key=lambda a: (self.by_amount[a].published_at, -a))
        return self.by_amount[amount].ratio

    @property
    def level(self) -> Level:
        if self.ratio >= PAUSED_FROM:
            return Level.PAUSED
        return Level.TIGHT if self.ratio >= TIGHT_FROM else Level.NORMAL


class Setting(Struct, frozen=True, kw_only=True):
    """A level that an administrator set."""

    level: Level
    reason: str
    by: str
    at: datetime


class Switch(Struct, frozen=True, kw_only=True):
    """Every budget's newest interval, and the manual override.

    `overridable`: the start of each budget's newest interval when the override was
    set. A manual `normal` does not override later intervals.
    """

    budgets: Mapping[str, Interval] = field(default_factory=dict)
    manual_override: Setting | None = None
    overridable: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """The stricter of automatic and manual, without what `normal` overrides."""
        counting = [
            interval.level
            for budget_id, interval in self.budgets.items()
            if not self.is_overridden(budget_id)
        ]
        manual = self.manual_override.level if self.manual_override else Level.NORMAL
        return _strictest(manual, *counting)

    @property
    def automatic(self) -> Level:
        """The level that the budgets alone give, without the override."""
        return _strictest(*(interval.level for interval in self.budgets.values()))

    def is_overridden(self, budget_id: str) -> bool:
        override = self.manual_override
        if override is None or override.level is not Level.NORMAL:
            return False
        newest = self.overridable.get(budget_id, override.at)
        return self.budgets[budget_id].starts_at <= newest


def apply_notification(switch: Switch, notification: BudgetNotification) -> Switch:
    """The switch with this notification merged; unchanged if it was before."""
    overridable = dict(switch.overridable)
    override = switch.manual_override
    if override is not None and notification.published_at <= override.at:
        _raise_to(overridable, notification.budget_id, notification.interval_start)
    known = switch.budgets.get(notification.budget_id)
    if known is None or known.starts_at < notification.interval_start:
        known = Interval(starts_at=notification.interval_start)
    if known.starts_at == notification.interval_start:
        known = _merged(known, notification)
    budgets = {**switch.budgets, notification.budget_id: known}
    return replace(switch, budgets=budgets, overridable=overridable)


def set_manually(switch: Switch, setting: Setting) -> Switch:
    """The switch with this override; unchanged if it is set already."""
    if switch.manual_override == setting:
        return switch
    overridable = {name: known.starts_at for name, known in switch.budgets.items()}
    return replace(switch, manual_override=setting, overridable=overridable)


def allows(
    level: Level, usd_per_second: Decimal, tight_max_usd_per_second: Decimal
) -> bool:
    """Whether a provider of this price may be asked for a new video."""
    match level:
        case Level.NORMAL:
            return True
        case Level.TIGHT:
            return usd_per_second <= tight_max_usd_per_second
        case Level.PAUSED:
            return False


def interval_change(
    before: Switch, after: Switch, budget_id: str
) -> tuple[Interval, Interval]:
    """A budget's interval in both; a new interval began with nothing."""
    now = after.budgets[budget_id]
    was = before.budgets.get(budget_id)
    if was is None or was.starts_at != now.starts_at:
        was = Interval(starts_at=now.starts_at)
    return was, now


def _merged(known: Interval, notification: BudgetNotification) -> Interval:
    said = Spent(ratio=notification.ratio, published_at=notification.published_at)
    old = known.by_amount.get(notification.budget_amount, said)
    most = Spent(
        ratio=max(old.ratio, said.ratio),
        published_at=max(old.published_at, said.published_at),
    )
    return replace(
        known,
        by_amount={**known.by_amount, notification.budget_amount: most},
        forecast=max(known.forecast, notification.forecast or NOTHING),
    )


def _raise_to(moments: dict[str, datetime], name: str, moment: datetime) -> None:
    moments[name] = max(moments.get(name, moment), moment)


def _strictest(*levels: Level) -> Level:
    return max(levels, key=lambda level: level.strictness, default=Level.NORMAL)
