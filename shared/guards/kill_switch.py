"""The kill switch at work: read before each start, set manually or by budgets."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec import Struct

from shared.domain import kill_switch as domain
from shared.domain.budget_notification import KNOWN_SCHEMA, BudgetNotification
from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.kill_switch import HALF, Level, Setting, Switch
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.ports.store import SwitchStore

log = structlog.get_logger()

CACHED = timedelta(seconds=5)


class _CachedLevel(Struct, frozen=True, kw_only=True):
    level: Level
    at: datetime


class KillSwitch(Struct, kw_only=True):
    """All methods raise Unreachable if the switch can't be read, or may not be set.

    Then nothing may start, and a setting must be sent again.
    """

    store: SwitchStore
    pause: Callable[[float], None]
    _last: _CachedLevel | None = None

    def level(self, now: datetime) -> Level:
        """The level, at most 5 s old."""
        last = self._last
        if last is None or not timedelta(0) <= now - last.at < CACHED:
            last = _CachedLevel(level=self.show().level, at=now)
            self._last = last
        return last.level

    def show(self) -> Switch:
        return self.store.read().value

    def set_manually(
        self, *, level: Level, reason: str, by: str, now: datetime
    ) -> Switch:
        setting = Setting(level=level, reason=reason, by=by, at=now)
        before, after = self._change(partial(domain.set_manually, setting=setting))
        log.warning(
            "generation_set_manually",
            audit=True,
            level=level,
            user_id=by,
            reason=reason,
        )
        _log_level(before, after, why=f"set manually: {reason}")
        return after

    def on_budget_notification(self, notification: BudgetNotification) -> Switch:
        change = partial(domain.apply_notification, notification=notification)
        before, after = self._change(change)
        log.info(
            "budget_notification_received", level=after.level, **_named(notification)
        )
        _log_oddities(notification)
        _log_spending(before, after, notification)
        _log_level(before, after, why=f"budget {notification.budget_id}")
        return after

    def _change(self, change: Callable[[Switch], Switch]) -> tuple[Switch, Switch]:
        """The switch as it was read first, and with the change committed.

        Changes are idempotent, so one whose answer got lost is made again.
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


def _log_oddities(notification: BudgetNotification) -> None:
    """Each time such a notification comes."""
    if not notification.is_usable:
        # Fail closed: the budget counts as spent until a usable one comes.
        log.error("budget_notification_unusable", **_named(notification))
    if notification.schema_version != KNOWN_SCHEMA:
        version = notification.schema_version
        log.warning(
            "budget_schema_unknown", schema_version=version, **_named(notification)
        )


def _log_spending(
    before: Switch, after: Switch, notification: BudgetNotification
) -> None:
    """Once per interval."""
    was, now = domain.interval_change(before, after, notification.budget_id)
    if was.ratio < HALF <= now.ratio:
        log.warning("budget_half_spent", **_named(notification))
    if was.forecast < now.forecast:
        forecast = str(now.forecast)
        log.warning(
            "budget_overrun_forecast", forecast=forecast, **_named(notification)
        )


def _log_level(before: Switch, after: Switch, *, why: str) -> None:
    if before.level is after.level:
        return
    write = log.error if after.level is Level.PAUSED else log.warning
    write(
        "generation_level_changed",
        from_level=before.level,
        to_level=after.level,
        why=why,
    )
