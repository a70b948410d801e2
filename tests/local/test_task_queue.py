"""The decisions of one queue, with time as an argument and nothing sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.emulators.cloud_tasks.queue import Delivery, NameTaken, QueuedTask, TaskQueue
from local.emulators.cloud_tasks.rules import DeliveryFaults, QueueRules

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def queue_of(faults: DeliveryFaults | None = None, **rules: Any) -> TaskQueue:
    wanted = QueueRules(**{"min_backoff_seconds": 1, **rules})
    queue = TaskQueue.empty(wanted, now=NOW)
    queue.faults = faults or DeliveryFaults()
    return queue


def task(name: str = "a", *, in_seconds: float = 0.0) -> QueuedTask:
    due = after(in_seconds)
    return QueuedTask(name=name, content=None, scheduled_at=due, due_at=due)


def sent(queue: TaskQueue, seconds: float = 0.0) -> list[str]:
    return [delivery.task.name for delivery in queue.dispatch(now=after(seconds))]


def only(queue: TaskQueue, seconds: float = 0.0) -> Delivery:
    (delivery,) = queue.dispatch(now=after(seconds))
    return delivery


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            QueueRules(
                min_backoff_seconds=10, max_backoff_seconds=300, max_doublings=3
            ),
            [10, 20, 40, 80, 160, 240, 300, 300],
            id="the example in google's documentation",
        ),
        pytest.param(
            QueueRules(min_backoff_seconds=2, max_doublings=0), [2, 4, 6], id="linear"
        ),
        pytest.param(QueueRules(), [0.1, 0.2, 0.4, 0.8], id="defaults"),
    ],
)
def test_backoff(rules: QueueRules, expected: list[float]) -> None:
    waits = [rules.backoff(n).total_seconds() for n in range(1, len(expected) + 1)]

    assert waits == pytest.approx(expected)


def test_a_task_waits_for_its_time_and_is_sent_once() -> None:
    queue = queue_of()
    queue.add(task(in_seconds=5), now=NOW)

    assert sent(queue) == []
    assert queue.next_at() == after(5)
    assert sent(queue, 5) == ["a"]
    assert sent(queue, 99) == []


@pytest.mark.parametrize(("status", "answered"), [(500, 1), (None, 0)])
def test_a_failed_attempt_is_repeated_after_the_backoff(
    status: int | None, answered: int
) -> None:
    queue = queue_of()
    queue.add(task(), now=NOW)

    queue.finish(only(queue), status, now=after(10))

    assert queue.next_at() == after(11)
    again = only(queue, 11).task
    assert (again.dispatched, again.answered) == (2, answered)
    assert again.previous_status == status


def execute(queue: TaskQueue) -> None:
    queue.finish(only(queue), 204, now=NOW)


def exhaust(queue: TaskQueue) -> None:
    queue.finish(only(queue), 500, now=NOW)


def purge_while_it_runs(queue: TaskQueue) -> None:
    delivery = only(queue)
    queue.purge(now=NOW)
    queue.finish(delivery, 500, now=NOW)


@pytest.mark.parametrize("end", [execute, exhaust, purge_while_it_runs])
def test_a_finished_or_deleted_task_keeps_its_name_blocked(
    end: Callable[[TaskQueue], None],
) -> None:
    queue = queue_of(max_attempts=1)
    queue.add(task(), now=NOW)
    with pytest.raises(NameTaken, match="already exists"):
        queue.add(task(), now=NOW)

    end(queue)

    assert (queue.tasks, queue.running, sent(queue, 60)) == ({}, 0, [])
    with pytest.raises(NameTaken, match="too recently"):
        queue.add(task(), now=after(3599))
    queue.add(task(), now=after(3600))


def test_the_queue_limits_concurrent_deliveries() -> None:
    queue = queue_of(max_concurrent_dispatches=2)
    for name in "abc":
        queue.add(task(name), now=NOW)
    first, _ = queue.dispatch(now=NOW)

    assert queue.next_at() is None
    queue.finish(first, 204, now=NOW)
    assert sent(queue) == ["c"]


def test_dispatches_keep_to_burst_and_rate() -> None:
    queue = queue_of(max_dispatches_per_second=2)
    for number in range(16):
        queue.add(task(str(number)), now=NOW)

    counts = [len(sent(queue, seconds)) for seconds in (0, 0.4, 0.6, 1.1, 2.2)]

    assert counts == [10, 0, 1, 1, 2]
    assert queue.next_at() == after(2.5)
    assert len(sent(queue, 99)) == 2


@pytest.mark.parametrize(("first", "second"), [(204, 500), (500, 204)])
def test_tasks_are_delivered_twice_on_request_and_the_second_answer_changes_nothing(
    first: int, second: int
) -> None:
    queue = queue_of(DeliveryFaults(twice_share=1, late_by_seconds=0))
    queue.add(task(), now=NOW)
    queue.finish(only(queue), first, now=NOW)
    left = dict(queue.tasks)

    echo = only(queue)
    queue.finish(echo, second, now=NOW)

    assert (echo.is_duplicate, echo.task.dispatched) == (True, 1)
    assert queue.tasks == left
    assert queue.counts.duplicates == 1


def test_tasks_come_late_on_request() -> None:
    queue = queue_of(DeliveryFaults(late_share=1, late_by_seconds=5))
    queue.add(task(), now=NOW)

    assert sent(queue) == []
    assert sent(queue, 5) == ["a"]
    assert queue.counts.late == 1


def test_tasks_with_a_time_come_early_on_request() -> None:
    queue = queue_of(DeliveryFaults(early_share=1, early_by_seconds=5))
    queue.add(task(in_seconds=20), now=NOW)

    assert sent(queue, 14) == []
    assert queue.tasks["a"].due_at < after(20)
    assert sent(queue, 20) == ["a"]
    assert queue.counts.early == 1


def test_a_share_of_the_tasks_is_chosen_by_seed() -> None:
    def chosen(seed: int) -> list[int]:
        faults = DeliveryFaults(twice_share=0.2, seed=seed)
        return [n for n in range(1000) if faults.second_after(f"task-{n}")]

    assert 150 < len(chosen(1)) < 250
    assert chosen(1) == chosen(1) != chosen(2)
