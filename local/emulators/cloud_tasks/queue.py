"""The state of a queue: names, schedule, dispatches, responses, and used names.

Pure: nothing here waits, sends or reads the clock. Not thread-safe.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from local.emulators.cloud_tasks.rules import DeliveryFaults, QueueRules, TokenBucket

# How long the name of a finished task can't be reused; up to 24 hours in the cloud.
NAME_BLOCKED_FOR = timedelta(hours=1)


class NameTaken(Exception):
    """A task with this name is queued, or was recently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """A task and its history. `content`: a google.cloud.tasks_v2.Task.

    `due_at` is `scheduled_at` unless a fault moved it. `previous_status`: the HTTP
    status of the last attempt, None if there was no response.
    """

    name: str
    content: Any
    scheduled_at: datetime
    due_at: datetime
    dispatched: int = 0
    answered: int = 0
    is_running: bool = False
    previous_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An attempt to send now. `task`: as it was at dispatch.

    `is_duplicate`: an injected second delivery of the same attempt.
    """

    task: QueuedTask
    is_duplicate: bool


@dataclass(slots=True, kw_only=True)
class Counts:
    """What has happened in a queue since it was created."""

    delivered: int = 0
    failed: int = 0
    late: int = 0
    early: int = 0
    duplicates: int = 0


@dataclass(slots=True, kw_only=True)
class TaskQueue:
    rules: QueueRules
    bucket: TokenBucket
    faults: DeliveryFaults = field(default_factory=DeliveryFaults)
    running: int = 0
    counts: Counts = field(default_factory=Counts)
    tasks: dict[str, QueuedTask] = field(default_factory=dict)
    _used_until: dict[str, datetime] = field(default_factory=dict)
    _duplicates: list[tuple[datetime, QueuedTask]] = field(default_factory=list)

    @classmethod
    def empty(cls, rules: QueueRules, *, now: datetime) -> Self:
        return cls(rules=rules, bucket=TokenBucket(rules, now))

    def add(self, task: QueuedTask, *, now: datetime) -> None:
        """Raises NameTaken."""
        self._used_until = {n: at for n, at in self._used_until.items() if at > now}
        if task.name in self.tasks:
            raise NameTaken("Requested entity already exists")
        if task.name in self._used_until:
            raise NameTaken(
                "The task cannot be created because a task with this name existed too "
                "recently."
            )
        self.tasks[task.name] = self._moved(task, now)

    def _moved(self, task: QueuedTask, now: datetime) -> QueuedTask:
        """`task`, moved to when an injected fault makes it due."""
        if late := self.faults.lateness(task.name):
            self.counts.late += 1
            return replace(task, due_at=task.due_at + late)
        early = self.faults.earliness(task.name)
        if early and task.due_at > now:
            self.counts.early += 1
            return replace(task, due_at=task.due_at - early)
        return task

    def purge(self, *, now: datetime) -> None:
        """Remove all tasks. Attempts under way go on, but are not retried."""
        for name in list(self.tasks):
            self._remove(name, now)
        self._duplicates.clear()

    def dispatch(self, *, now: datetime) -> list[Delivery]:
        """The attempts to send now; each counts as running until `finish`."""
        deliveries = []
        for due_at, task, is_duplicate in sorted(
            self._waiting(), key=lambda each: each[0]
        ):
            if due_at > now or self._is_full or self.bucket.ready_at > now:
                break
            self.bucket.take(now)
            self.running += 1
            sent = (
                self._duplicated(due_at, task)
                if is_duplicate
                else self._started(task, now)
            )
            deliveries.append(Delivery(task=sent, is_duplicate=is_duplicate))
        return deliveries

    def finish(self, delivery: Delivery, status: int | None, *, now: datetime) -> None:
        """Record an attempt's response. `status` None: there was none in time."""
        self.running -= 1
        is_done = status is not None and 200 <= status < 300
        self.counts.delivered += is_done
        self.counts.failed += not is_done
        task = self.tasks.get(delivery.task.name)
        if delivery.is_duplicate or task is None:
            return
        if is_done or task.dispatched == self.rules.max_attempts:
            self._remove(task.name, now)
            return
        again_at = now + self.rules.backoff(task.dispatched)
        self.tasks[task.name] = replace(
            task,
            is_running=False,
            answered=task.answered + (status is not None),
            previous_status=status,
            scheduled_at=again_at,
            due_at=again_at,
        )

    def next_at(self) -> datetime | None:
        """When to call `dispatch` again; None: after the next new task or response."""
        due = [due_at for due_at, _, _ in self._waiting()]
        return (
            max(min(due), self.bucket.ready_at) if due and not self._is_full else None
        )

    @property
    def _is_full(self) -> bool:
        return self.running >= self.rules.max_concurrent_dispatches

    def _waiting(self) -> list[tuple[datetime, QueuedTask, bool]]:
        """The waiting tasks: when each is due, and whether it is a duplicate."""
        tasks = [(t.due_at, t, False) for t in self.tasks.values() if not t.is_running]
        return tasks + [(due_at, task, True) for due_at, task in self._duplicates]

    def _started(self, task: QueuedTask, now: datetime) -> QueuedTask:
        started = replace(task, dispatched=task.dispatched + 1, is_running=True)
        self.tasks[task.name] = started
        second_after = self.faults.second_after(task.name)
        if second_after is not None and not task.dispatched:
            self._duplicates.append((now + second_after, started))
        return started

    def _duplicated(self, due_at: datetime, task: QueuedTask) -> QueuedTask:
        self._duplicates.remove((due_at, task))
        self.counts.duplicates += 1
        return task

    def _remove(self, name: str, now: datetime) -> None:
        del self.tasks[name]
        self._used_until[name] = now + NAME_BLOCKED_FOR
