"""The kill switch at work: it is looked at, set by hand, and hears budgets."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from shared.domain import kill_switch as domain
from shared.domain.budget_notification import (
    KNOWN_SCHEMA,
    BudgetNotification,
)
from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.kill_switch import HALF, Level, Setting, Switch
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.ports.store import SwitchStore

log = structlog.get_logger()

KEPT_FOR = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    level: Level
    at: datetime


@dataclass(slots=True, kw_only=True)
class KillSwitch:
    """Every verb raises Unreachable where the switch can't be read or is not known to
    be set: who asks must then start nothing, who sets must ask again.
    """

    store: SwitchStore
    pause: Callable[[float], None]
    _last: _Look | None = field(default=None, init=False, repr=False)

    def level(self, now: datetime) -> Level:
        """The level as it was at most 5 s ago."""
        last = self._last
        if last is None or not timedelta(0) <= now - last.at < KEPT_FOR:
            last = _Look(level=self.show().level, at=now)
            self._last = last
        return last.level

    def show(self) -> Switch:
        """All that is known just now."""
        return self.store.read().value

    def set_manually(
        self, *, level: Level, reason: str, by: str, now: datetime
    ) -> Switch:
        setting = Setting(level=level, reason=reason, by=by, at=now)
        change = partial(domain.set_manually, setting=setting)
        before, after = self._change(change)
        log.warning(
            "generation_set_by_hand", audit=True, level=level, user_id=by, reason=reason
        )
        _tell_level(before, after, why=f"set by hand: {reason}")
        return after

    def on_budget_notification(self, notification: BudgetNotification) -> Switch:
        before, after = self._change(partial(domain.heard, notification=notification))
        log.info("budget_heard", level=after.level, **_named(notification))
        _log_notification(notification)
        _tell_budget(before, after, notification)
        _tell_level(before, after, why=f"budget {notification.budget_id}")
        return after

    def _change(self, change: Callable[[Switch], Switch]) -> tuple[Switch, Switch]:
        """The switch as it was first seen, and with the change in it for certain.

        A change made twice is made once, so one whose answer got lost is made again.
        """
        first: Switch | None = None
        for _ in tries(SHORT_BACKOFF, self.pause):
            before = self.store.read()
            first = first or before.value
            after = change(before.value)
            with suppress(LostRace, CommitUncertain):
                if after != before.value:
                    self.store.commit(before, after)
                self._last = None
                return first, after
        raise Unreachable("the kill switch was not set")


def _named(notification: BudgetNotification) -> dict[str, str]:
    return {
        "budget_id": notification.budget_id,
        "budget_name": notification.budget_name,
        "ratio": str(notification.ratio),
    }


def _log_notification(notification: BudgetNotification) -> None:
    """What is odd about a notice, each time it comes."""
    if not notification.can_be_judged:
        # Fail closed: it counts as all spent until one comes that can be judged.
        log.error("budget_not_judged", **_named(notification))
    if notification.schema_version != KNOWN_SCHEMA:
        version = notification.schema_version
        log.warning(
            "budget_schema_unknown", schema_version=version, **_named(notification)
        )


def _tell_budget(
    before: Switch, after: Switch, notification: BudgetNotification
) -> None:
    """What a notice brought to light, once per interval."""
    was, now = domain.news(before, after, notification.budget_id)
    if was.ratio < HALF <= now.ratio:
        log.warning("budget_half_spent", **_named(notification))
    if was.forecast < now.forecast:
        forecast = str(now.forecast)
        log.warning(
            "budget_overrun_foreseen", forecast=forecast, **_named(notification)
        )


def _tell_level(before: Switch, after: Switch, *, why: str) -> None:
    if before.level is after.level:
        return
    tell = log.error if after.level is Level.PAUSED else log.warning
    tell(
        "generation_level_changed",
        from_level=before.level,
        to_level=after.level,
        why=why,
    )
