"""What one queue does with its tasks: names, schedule, dispatch, answers, tombstones.

Nothing here waits, sends or asks for the time, and nothing here is thread-safe.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from local.emulators.cloud_tasks.rules import (
    DeliveryFaults,
    RateRules,
    RetryRules,
    Throttle,
    TokenBucket,
)

_SLOWING = {429, 503}


class Refusal(StrEnum):
    """Named as the gRPC status codes that they become."""

    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"


class TaskError(Exception):
    """A call that Cloud Tasks would refuse, with the status it would give."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class Failure(StrEnum):
    """Why an attempt got no answer."""

    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one attempt: an HTTP status, or why there was none."""

    status: int | Failure
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        return isinstance(self.status, int) and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    scheduled_at: datetime
    dispatched_at: datetime
    answered_at: datetime | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """A task and its history. `content` is whatever the caller delivers."""

    name: str
    content: Any
    created_at: datetime
    scheduled_at: datetime
    due_at: datetime
    dispatched: int = 0
    answered: int = 0
    running: int = 0
    first_attempt_at: datetime | None = None
    last: Attempt | None = None

    def started(self, now: datetime) -> Self:
        return replace(
            self,
            dispatched=self.dispatched + 1,
            running=self.running + 1,
            first_attempt_at=self.first_attempt_at or now,
            last=Attempt(scheduled_at=self.scheduled_at, dispatched_at=now),
        )

    def ended(self, attempt: Attempt, *, next_at: datetime) -> Self:
        has_answer = attempt.answer and isinstance(attempt.answer.status, int)
        return replace(
            self,
            running=self.running - 1,
            answered=self.answered + (1 if has_answer else 0),
            last=attempt,
            scheduled_at=next_at,
            due_at=next_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to be sent now. An echo is a second one that nobody asked for.

    `task` is as it stood at dispatch; `before` is the last finished attempt, if any.
    """

    task: QueuedTask
    before: Attempt | None
    is_echo: bool = False


@dataclass(slots=True, kw_only=True)
class Counts:
    """What has happened in a queue since it was created."""

    created: int = 0
    dispatched: int = 0
    delivered: int = 0
    failed: int = 0
    exhausted: int = 0
    throttled: int = 0
    late: int = 0
    early: int = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Echo:
    due_at: datetime
    delivery: Delivery


@dataclass(slots=True, kw_only=True)
class TaskQueue:
    """`blocked_for` is how long the name of a task that is gone stays taken."""

    bucket: TokenBucket
    blocked_for: timedelta
    rates: RateRules = field(default_factory=RateRules)
    retry: RetryRules = field(default_factory=RetryRules)
    throttle: Throttle = field(default_factory=Throttle)
    faults: DeliveryFaults = field(default_factory=DeliveryFaults)
    is_paused: bool = False
    running: int = 0
    counts: Counts = field(default_factory=Counts)
    tasks: dict[str, QueuedTask] = field(default_factory=dict)
    _tombstones: dict[str, datetime] = field(default_factory=dict)
    _echoes: list[_Echo] = field(default_factory=list)

    def add(self, task: QueuedTask, *, now: datetime) -> None:
        """Raises ALREADY_EXISTS for a name that is queued or was lately."""
        self._forget_tombstones(now)
        if task.name in self.tasks:
            raise TaskError(Refusal.ALREADY_EXISTS, "Requested entity already exists")
        if task.name in self._tombstones:
            raise TaskError(
                Refusal.ALREADY_EXISTS,
                "The task cannot be created because a task with this name existed "
                "too recently.",
            )
        self.counts.created += 1
        self.tasks[task.name] = self._moved(task, now)

    def _moved(self, task: QueuedTask, now: datetime) -> QueuedTask:
        """`task`, due when the faults let it come."""
        late = self.faults.lateness(task.name)
        if late is not None:
            self.counts.late += 1
            return replace(task, due_at=task.due_at + late)
        early = self.faults.earliness(task.name)
        if early is not None and task.due_at > now:
            self.counts.early += 1
            return replace(task, due_at=task.due_at - early)
        return task

    def get(self, name: str) -> QueuedTask:
        if name not in self.tasks:
            raise TaskError(Refusal.NOT_FOUND, "Requested entity was not found.")
        return self.tasks[name]

    def delete(self, name: str, *, now: datetime) -> None:
        """An attempt that is under way goes on, but is not repeated."""
        self.get(name)
        self._bury(name, now)

    def purge(self, *, now: datetime) -> None:
        for name in list(self.tasks):
            self._bury(name, now)
        self._echoes.clear()

    def dispatch(self, *, now: datetime) -> list[Delivery]:
        """What is to be sent now; each is running until it is `finish`ed."""
        deliveries = []
        for due in self._due(now):
            if not self._may_dispatch(now):
                break
            self.bucket = self.bucket.taken()
            self.throttle = self.throttle.dispatched(now=now)
            match due:
                case QueuedTask():
                    deliveries.append(self._start(due, now))
                case _Echo():
                    deliveries.append(self._start_echo(due))
        return deliveries

    def finish(self, delivery: Delivery, answer: Answer, *, now: datetime) -> None:
        assert delivery.task.last is not None  # `started` has set it
        self.running -= 1
        attempt = replace(delivery.task.last, answered_at=now, answer=answer)
        self._learn(attempt.dispatched_at, answer, now)
        task = self.tasks.get(delivery.task.name)
        if delivery.is_echo or task is None:
            return
        rules = self.retry
        task = task.ended(attempt, next_at=now + rules.backoff(task.dispatched))
        self.tasks[task.name] = task
        if answer.is_success:
            self._bury(task.name, now)
        elif not task.running and rules.is_exhausted(
            attempts=task.dispatched,
            first_attempt_at=task.first_attempt_at or now,
            now=now,
        ):
            self.counts.exhausted += 1
            self._bury(task.name, now)

    def next_at(self, *, now: datetime) -> datetime | None:
        """When to call `dispatch` again; None if only a call or an answer can tell."""
        if self.is_paused or self.running >= self.rates.max_concurrent_dispatches:
            return None
        waiting = [task.due_at for task in self.tasks.values() if not task.running]
        waiting += [echo.due_at for echo in self._echoes]
        if not waiting:
            return None
        bucket = self.bucket.refilled(self.rates, now=now)
        limits = [bucket.ready_at(self.rates), self.throttle.not_before or now]
        return max(min(waiting), *limits)

    def _due(self, now: datetime) -> list[QueuedTask | _Echo]:
        candidates: list[QueuedTask | _Echo] = [
            task for task in self.tasks.values() if not task.running
        ]
        candidates += self._echoes
        due = [candidate for candidate in candidates if candidate.due_at <= now]
        return sorted(due, key=lambda candidate: candidate.due_at)

    def _may_dispatch(self, now: datetime) -> bool:
        self.bucket = self.bucket.refilled(self.rates, now=now)
        return (
            not self.is_paused
            and self.running < self.rates.max_concurrent_dispatches
            and self.bucket.ready_at(self.rates) <= now
            and (self.throttle.not_before or now) <= now
        )

    def _start(self, task: QueuedTask, now: datetime) -> Delivery:
        self.running += 1
        self.counts.dispatched += 1
        started = task.started(now)
        self.tasks[task.name] = started
        delivery = Delivery(task=started, before=task.last)
        second_after = self.faults.second_after(task.name)
        if second_after is not None and not task.dispatched:
            echo = replace(delivery, is_echo=True)
            self._echoes.append(_Echo(due_at=now + second_after, delivery=echo))
        return delivery

    def _start_echo(self, echo: _Echo) -> Delivery:
        self._echoes.remove(echo)
        self.running += 1
        self.counts.dispatched += 1
        self.counts.duplicates += 1
        return echo.delivery

    def _learn(self, dispatched_at: datetime, answer: Answer, now: datetime) -> None:
        if answer.is_success:
            self.counts.delivered += 1
            self.throttle = self.throttle.eased(dispatched_at=dispatched_at)
            return
        self.counts.failed += 1
        if answer.status in _SLOWING:
            self.counts.throttled += 1
            self.throttle = self.throttle.slowed(
                dispatched_at=dispatched_at, now=now, retry_after=answer.retry_after
            )

    def _bury(self, name: str, now: datetime) -> None:
        del self.tasks[name]
        self._tombstones[name] = now + self.blocked_for

    def _forget_tombstones(self, now: datetime) -> None:
        # The oldest come first: a name is buried again only after it was forgotten.
        while self._tombstones:
            name = next(iter(self._tombstones))
            if self._tombstones[name] > now:
                return
            del self._tombstones[name]
