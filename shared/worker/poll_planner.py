"""Learns how long vendors' tasks take, and plans the polls of the next ones."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from msgspec import Struct, field

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Attempt
from shared.domain.poll_plan import (
    MAX_KINDS,
    TaskTimes,
    TaskTiming,
    poll_plan,
    task_kind,
)
from shared.ports.store import Clock, TaskTimeStore

log = structlog.get_logger()

CACHE_TTL = timedelta(minutes=5)
# All workers write one document, so each writes rarely, and in batches.
WRITE_INTERVAL = timedelta(minutes=1)
MAX_UNWRITTEN = 100

# To plan takes a while, and a plan is used until tasks of its kind are added.
_plan = lru_cache(maxsize=MAX_KINDS)(poll_plan)


class PollPlanner(Struct, kw_only=True):
    """One per process. Nothing depends on its store: if it can't be read or written,
    the last known plan applies, or the fixed one.
    """

    store: TaskTimeStore
    clock: Clock
    _times: TaskTimes = field(default_factory=TaskTimes)
    _read_at: datetime | None = None
    _written_at: datetime | None = None
    _unwritten: list[tuple[str, TaskTiming]] = field(default_factory=list)

    def plan(self, model_id: str, duration_seconds: int) -> tuple[int, ...]:
        """In seconds since a task's start; empty for the fixed plan."""
        return _plan(self.times().of(model_id, duration_seconds))

    def times(self) -> TaskTimes:
        """The known task times, at most a few minutes old if the store answers."""
        if _is_over(self._read_at, CACHE_TTL, self.clock.now()):
            self._best_effort(self._read)
        return self._times

    def succeeded(self, attempt: Attempt) -> None:
        """Learn from a poll that found the result. `attempt`: as before that poll.

        If the polls before it failed, the result may have been there for long.
        """
        if attempt.missed_polls:
            return
        now = self.clock.now()
        ready = int((now - attempt.started_at).total_seconds()) + 1
        last = attempt.polled_at or attempt.started_at
        working = int((last - attempt.started_at).total_seconds())
        # If the first poll found it, how long it had been there is unknown.
        working = max(working, ready // 2 if attempt.polled_at is None else 0)
        name = task_kind(attempt.model_id, attempt.duration_seconds)
        self._unwritten.append((name, TaskTiming(working=working, ready=ready)))
        del self._unwritten[:-MAX_UNWRITTEN]
        if _is_over(self._written_at, WRITE_INTERVAL, now):
            self._best_effort(self._write)

    def _read(self) -> None:
        self._read_at = self.clock.now()
        self._times = self.store.read().value.plus(self._unwritten)

    def _write(self) -> None:
        self._written_at = self.clock.now()
        before, seen = self.store.read(), list(self._unwritten)
        after = before.value.plus(seen)
        self.store.commit(before, after)
        self._times, self._read_at = after, self._written_at
        del self._unwritten[: len(seen)]

    def _best_effort(self, call: Callable[[], None]) -> None:
        try:
            call()
        except (Unreachable, LostRace, CommitUncertain) as error:
            log.info("task_times_not_stored", why=type(error).__name__)


def _is_over(since: datetime | None, period: timedelta, now: datetime) -> bool:
    return since is None or abs(now - since) >= period
