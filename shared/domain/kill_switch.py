"""The kill switch: what budgets and people have said, and which level follows from it.

Notices come repeatedly and out of order; each is joined by maxima, so that what is
known depends on which notices came, and not on when.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.budget_notification import BudgetNotification

HALF = Decimal("0.5")
TIGHT_FROM = Decimal("0.8")
PAUSED_FROM = Decimal(1)
NOTHING = Decimal(0)


class Level(StrEnum):
    """What may be started; each is stricter than the one before.

    `tight`: only links up to a price per second. `paused`: nothing.
    """

    NORMAL = "normal"
    TIGHT = "tight"
    PAUSED = "paused"

    @property
    def strictness(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The most that was spent of one budget amount, and when it was last told of."""

    ratio: Decimal
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A budget's newest interval. Its amount may be changed meanwhile."""

    starts_at: datetime
    by_amount: Mapping[Decimal, Spent] = field(default_factory=dict)
    forecast: Decimal = NOTHING

    @property
    def ratio(self) -> Decimal:
        """The most seen of the amount that was last told of; of two, the lower one."""
        if not self.by_amount:
            return NOTHING
        amount = max(self.by_amount, key=lambda a: (self.by_amount[a].published_at, -a))
        return self.by_amount[amount].ratio

    @property
    def level(self) -> Level:
        if self.ratio >= PAUSED_FROM:
            return Level.PAUSED
        return Level.TIGHT if self.ratio >= TIGHT_FROM else Level.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What somebody set by hand."""

    level: Level
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """All that is known. `overridable`: the newest interval that each budget had told
    of when `by_hand` was set; a hand-set `normal` does not reach beyond it.
    """

    budgets: Mapping[str, Interval] = field(default_factory=dict)
    manual_override: Setting | None = None
    overridable: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """The higher of automatic and by hand, but for what `normal` overrides."""
        counting = [
            interval.level
            for budget_id, interval in self.budgets.items()
            if not self.is_overridden(budget_id)
        ]
        manual_override = (
            self.manual_override.level if self.manual_override else Level.NORMAL
        )
        return _strictest(manual_override, *counting)

    @property
    def automatic(self) -> Level:
        """What the budgets alone say, whatever is set by hand."""
        return _strictest(*(interval.level for interval in self.budgets.values()))

    def is_overridden(self, budget_id: str) -> bool:
        if (
            self.manual_override is None
            or self.manual_override.level is not Level.NORMAL
        ):
            return False
        newest = self.overridable.get(budget_id, self.manual_override.at)
        return self.budgets[budget_id].starts_at <= newest


def heard(switch: Switch, notification: BudgetNotification) -> Switch:
    """What is known with `notice`; the same once it was heard."""
    overridable = dict(switch.overridable)
    manual_override = switch.manual_override
    if manual_override is not None and notification.published_at <= manual_override.at:
        _raise_to(overridable, notification.budget_id, notification.interval_start)
    known = switch.budgets.get(notification.budget_id)
    if known is None or known.starts_at < notification.interval_start:
        known = Interval(starts_at=notification.interval_start)
    if known.starts_at == notification.interval_start:
        known = _joined(known, notification)
    budgets = {**switch.budgets, notification.budget_id: known}
    return replace(switch, budgets=budgets, overridable=overridable)


def set_manually(switch: Switch, setting: Setting) -> Switch:
    """What is known with `setting`; the same where it is what is set."""
    if switch.manual_override == setting:
        return switch
    overridable = {name: known.starts_at for name, known in switch.budgets.items()}
    return replace(switch, manual_override=setting, overridable=overridable)


def allows(
    level: Level, usd_per_second: Decimal, tight_max_usd_per_second: Decimal
) -> bool:
    """Whether a link of this price may be asked for a new video."""
    match level:
        case Level.NORMAL:
            return True
        case Level.TIGHT:
            return usd_per_second <= tight_max_usd_per_second
        case Level.PAUSED:
            return False


def news(before: Switch, after: Switch, budget_id: str) -> tuple[Interval, Interval]:
    """A budget's interval as it was and as it is; a new one began with nothing."""
    now = after.budgets[budget_id]
    was = before.budgets.get(budget_id)
    if was is None or was.starts_at != now.starts_at:
        was = Interval(starts_at=now.starts_at)
    return was, now


def _joined(known: Interval, notification: BudgetNotification) -> Interval:
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
