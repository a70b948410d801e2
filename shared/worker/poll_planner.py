"""Learns how long vendors take for a task, and plans the polls of the next one."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, field

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Attempt
from shared.domain.poll_plan import TaskTimes, Took, kind, poll_plan
from shared.ports.store import Clock, TaskTimeStore

log = structlog.get_logger()

CACHED = timedelta(minutes=5)
# All workers write one document: each of them rarely, with what it saw meanwhile.
WRITE_EVERY = timedelta(minutes=1)
MOST_UNWRITTEN = 100


class PollPlanner(Struct, kw_only=True):
    """One for the process. Nothing depends on its store: what can't be read or written
    leaves the plan that was known last, or the fixed one.
    """

    store: TaskTimeStore
    clock: Clock
    _times: TaskTimes = field(default_factory=TaskTimes)
    _read_at: datetime | None = None
    _written_at: datetime | None = None
    _unwritten: list[tuple[str, Took]] = field(default_factory=list)
    _plans: dict[tuple[Took, ...], tuple[int, ...]] = field(default_factory=dict)

    def plan(self, model_id: str, duration_seconds: int) -> tuple[int, ...]:
        """In seconds since a task's start; empty for the fixed plan."""
        tasks = self.times().of(model_id, duration_seconds)
        known = self._plans.get(tasks)
        if known is not None:
            return known
        if len(self._plans) > len(self._times.kinds):
            self._plans.clear()
        plan = self._plans[tasks] = poll_plan(tasks)
        return plan

    def times(self) -> TaskTimes:
        """As they were known a few minutes ago, or better."""
        if _is_over(self._read_at, CACHED, self.clock.now()):
            self._quietly(self._read)
        return self._times

    def succeeded(self, attempt: Attempt) -> None:
        """A poll has just found the result of an attempt, which is as it was before."""
        now = self.clock.now()
        ready = int((now - attempt.started_at).total_seconds()) + 1
        last = attempt.polled_at or attempt.started_at
        working = int((last - attempt.started_at).total_seconds())
        # If the first poll has found it, nobody knows how long it had been there.
        working = max(working, ready // 2 if attempt.polled_at is None else 0)
        name = kind(attempt.model_id, attempt.duration_seconds)
        self._unwritten.append((name, Took(working=working, ready=ready)))
        del self._unwritten[:-MOST_UNWRITTEN]
        if _is_over(self._written_at, WRITE_EVERY, now):
            self._quietly(self._write)

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

    def _quietly(self, call: Callable[[], None]) -> None:
        try:
            call()
        except (Unreachable, LostRace, CommitUncertain) as error:
            log.info("task_times_not_kept", why=type(error).__name__)


def _is_over(since: datetime | None, period: timedelta, now: datetime) -> bool:
    return since is None or abs(now - since) >= period
