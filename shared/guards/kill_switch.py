"""The kill switch in operation: read before each start, set manually or by budgets."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec import Struct

from shared.domain import kill_switch as domain
from shared.domain.budget_notification import KNOWN_SCHEMA, BudgetNotification
from shared.domain.errors import (
    CommitUncertain,
    GenerationPaused,
    LostRace,
    Unreachable,
)
from shared.domain.kill_switch import (
    GIVEN_UP_AFTER,
    HALF,
    KillSwitchState,
    Level,
    ManualOverride,
)
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.ports.store import KillSwitchStore

log = structlog.get_logger()

CACHE_TTL = timedelta(seconds=5)
# Once the budgets count as given up, their silence is intended.
SILENT_AFTER = timedelta(days=2)


class _CachedLevel(Struct, frozen=True, kw_only=True):
    level: Level
    at: datetime


class KillSwitch(Struct, kw_only=True):
    """All methods raise Unreachable if the switch can't be read, or may not be set.

    In that case nothing may start, and a change must be sent again.
    """

    store: KillSwitchStore
    pause: Callable[[float], None]
    _last: _CachedLevel | None = None

    def level(self, now: datetime) -> Level:
        """The level, at most 5 s old."""
        last = self._last
        if last is None or not timedelta(0) <= now - last.at < CACHE_TTL:
            last = _CachedLevel(level=self.show().level, at=now)
            self._last = last
        return last.level

    def require_running(self, now: datetime) -> None:
        """GenerationPaused while nothing new may start."""
        if self.level(now) is Level.PAUSED:
            raise GenerationPaused

    def show(self) -> KillSwitchState:
        return self.store.read().value

    def report_silence(self, now: datetime) -> None:
        """Log it if the budgets fell silent, as after one was deleted at Google."""
        last = self.show().last_published_at
        if last is not None and SILENT_AFTER <= now - last < GIVEN_UP_AFTER:
            log.error("budget_silent", last_published_at=last)

    def set_manually(
        self, *, level: Level | None, reason: str, by: str, now: datetime
    ) -> KillSwitchState:
        """`level` None: back to what the budgets say."""
        setting = None
        if level is not None:
            setting = ManualOverride(level=level, reason=reason, by=by, at=now)
        before, after = self._change(partial(domain.set_manually, setting=setting))
        log.warning(
            "generation_set_manually",
            audit=True,
            level=level or "automatic",
            user_id=by,
            reason=reason,
        )
        _log_level(before, after, why=f"set manually: {reason}")
        return after

    def on_budget_notification(self, notification: BudgetNotification) -> None:
        change = partial(domain.apply_notification, notification=notification)
        before, after = self._change(change)
        log.info(
            "budget_notification_received",
            level=after.level,
            **_log_fields(notification),
        )
        _log_anomalies(notification)
        _log_spending(before, after, notification)
        _log_level(before, after, why=f"budget {notification.budget_id}")

    def _change(
        self, change: Callable[[KillSwitchState], KillSwitchState]
    ) -> tuple[KillSwitchState, KillSwitchState]:
        """The switch as it was read first, and with the change committed.

        Changes are idempotent, so an uncertain commit is simply retried.
        """
        first: KillSwitchState | None = None
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


def _log_fields(notification: BudgetNotification) -> dict[str, str]:
    return {
        "budget_id": notification.budget_id,
        "budget_name": notification.budget_name,
        "ratio": str(notification.ratio),
    }


def _log_anomalies(notification: BudgetNotification) -> None:
    """Logged for every such notification."""
    if not notification.is_usable:
        # Fail closed: the budget counts as spent until a usable notification arrives.
        log.error("budget_notification_unusable", **_log_fields(notification))
    if notification.schema_version != KNOWN_SCHEMA:
        version = notification.schema_version
        log.warning(
            "budget_schema_unknown", schema_version=version, **_log_fields(notification)
        )


def _log_spending(
    before: KillSwitchState, after: KillSwitchState, notification: BudgetNotification
) -> None:
    """Logged once per interval."""
    was, now = domain.interval_change(before, after, notification.budget_id)
    if was.ratio < HALF <= now.ratio:
        log.warning("budget_half_spent", **_log_fields(notification))
    if was.forecast < now.forecast:
        forecast = str(now.forecast)
        log.warning(
            "budget_overrun_forecast", forecast=forecast, **_log_fields(notification)
        )


def _log_level(before: KillSwitchState, after: KillSwitchState, *, why: str) -> None:
    if before.level is after.level:
        return
    write = log.error if after.level is Level.PAUSED else log.warning
    write(
        "generation_level_changed",
        from_level=before.level,
        to_level=after.level,
        why=why,
    )
