"""What one queue decides, with the time given and nothing sent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from local.emulators.cloud_tasks.queue import (
    Answer,
    Delivery,
    Failure,
    QueuedTask,
    Refusal,
    TaskError,
    TaskQueue,
)
from local.emulators.cloud_tasks.rules import (
    DeliveryFaults,
    RateRules,
    RetryRules,
    TokenBucket,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OK, FAILED, BUSY = Answer(status=204), Answer(status=500), Answer(status=503)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def queue_of(
    *,
    rates: RateRules | None = None,
    retry: RetryRules | None = None,
    faults: DeliveryFaults | None = None,
) -> TaskQueue:
    rates = rates or RateRules()
    return TaskQueue(
        bucket=TokenBucket.full(rates, now=NOW),
        blocked_for=timedelta(hours=1),
        rates=rates,
        retry=retry or RetryRules(min_backoff=timedelta(seconds=1)),
        faults=faults or DeliveryFaults(),
    )


def task(name: str = "a", *, in_seconds: float = 0.0) -> QueuedTask:
    due = after(in_seconds)
    return QueuedTask(
        name=name, content=None, created_at=NOW, scheduled_at=due, due_at=due
    )


def sent(queue: TaskQueue, seconds: float = 0.0) -> list[str]:
    return [delivery.task.name for delivery in queue.dispatch(now=after(seconds))]


def only(queue: TaskQueue, seconds: float = 0.0) -> Delivery:
    (delivery,) = queue.dispatch(now=after(seconds))
    return delivery


def test_a_task_waits_for_its_time() -> None:
    queue = queue_of()
    queue.add(task(in_seconds=5), now=NOW)

    assert sent(queue) == []
    assert queue.next_at(now=NOW) == after(5)
    assert sent(queue, 5) == ["a"]


def test_an_attempt_under_way_is_not_sent_again() -> None:
    queue = queue_of()
    queue.add(task(), now=NOW)

    assert sent(queue) == ["a"]
    assert sent(queue, 99) == []


def test_a_failed_attempt_is_repeated_after_the_backoff() -> None:
    queue = queue_of()
    queue.add(task(), now=NOW)

    queue.finish(only(queue), FAILED, now=after(10))

    assert queue.next_at(now=after(10)) == after(11)
    again = only(queue, 11)
    assert (again.task.dispatched, again.task.answered) == (2, 1)
    assert again.before is not None
    assert again.before.answer == FAILED


def test_no_answer_counts_as_an_attempt_but_not_as_a_response() -> None:
    queue = queue_of()
    queue.add(task(), now=NOW)

    queue.finish(only(queue), Answer(status=Failure.DEADLINE_EXCEEDED), now=NOW)

    assert (queue.get("a").dispatched, queue.get("a").answered) == (1, 0)


def execute(queue: TaskQueue) -> None:
    queue.finish(only(queue), OK, now=NOW)


def exhaust(queue: TaskQueue) -> None:
    queue.finish(only(queue), FAILED, now=NOW)


def delete(queue: TaskQueue) -> None:
    queue.delete("a", now=NOW)


def purge(queue: TaskQueue) -> None:
    queue.purge(now=NOW)


@pytest.mark.parametrize("end", [execute, exhaust, delete, purge])
def test_a_used_task_name_stays_blocked(end: Callable[[TaskQueue], None]) -> None:
    queue = queue_of(retry=RetryRules(max_attempts=1))
    queue.add(task(), now=NOW)

    end(queue)

    assert queue.tasks == {}
    with pytest.raises(TaskError) as refused:
        queue.add(task(), now=after(3599))
    assert refused.value.refusal == Refusal.ALREADY_EXISTS
    queue.add(task(), now=after(3600))


def test_a_queued_name_is_taken() -> None:
    queue = queue_of()
    queue.add(task(), now=NOW)

    with pytest.raises(TaskError, match="already exists"):
        queue.add(task(), now=NOW)


def test_a_task_deleted_during_its_attempt_is_not_repeated() -> None:
    queue = queue_of()
    queue.add(task(), now=NOW)
    delivery = only(queue)

    queue.delete("a", now=NOW)
    queue.finish(delivery, FAILED, now=NOW)

    assert sent(queue, 60) == []
    assert queue.running == 0


def test_no_more_run_at_once_than_the_queue_allows() -> None:
    queue = queue_of(rates=RateRules(max_concurrent_dispatches=2))
    for name in "abc":
        queue.add(task(name), now=NOW)
    first, _ = queue.dispatch(now=NOW)

    assert queue.next_at(now=NOW) is None
    queue.finish(first, OK, now=NOW)
    assert sent(queue) == ["c"]


def test_dispatches_keep_to_burst_and_rate() -> None:
    rates = RateRules(max_dispatches_per_second=2, max_burst_size=3)
    queue = queue_of(rates=rates)
    for name in "abcdefgh":
        queue.add(task(name), now=NOW)

    counts = [len(sent(queue, seconds)) for seconds in (0, 0.4, 0.6, 1.1, 2.2)]

    assert counts == [3, 0, 1, 1, 2]


def test_a_paused_queue_keeps_its_tasks() -> None:
    queue = queue_of()
    queue.add(task(), now=NOW)

    queue.is_paused = True
    assert sent(queue) == []
    assert queue.next_at(now=NOW) is None

    queue.is_paused = False
    assert sent(queue) == ["a"]


def test_one_503_slows_the_whole_queue_until_a_success() -> None:
    queue = queue_of()
    for name in "abcde":
        queue.add(task(name, in_seconds=ord(name) - ord("a")), now=NOW)
    queue.finish(only(queue), BUSY, now=after(9))

    assert sent(queue, 9.9) == []
    trial = only(queue, 10)
    assert sent(queue, 10.9) == []
    queue.finish(trial, OK, now=after(10.9))
    assert len(sent(queue, 10.9)) == 4


def test_tasks_come_twice_when_asked() -> None:
    queue = queue_of(faults=DeliveryFaults(twice_share=1, late_by_seconds=5))
    queue.add(task(), now=NOW)

    queue.finish(only(queue), OK, now=NOW)
    echo = only(queue, 5)
    queue.finish(echo, FAILED, now=after(5))

    assert echo.is_echo
    assert echo.task.dispatched == 1
    assert sent(queue, 99) == []
    assert queue.counts.duplicates == 1


def test_the_answer_to_a_second_delivery_changes_nothing() -> None:
    queue = queue_of(faults=DeliveryFaults(twice_share=1, late_by_seconds=0))
    queue.add(task(), now=NOW)
    queue.finish(only(queue), FAILED, now=NOW)
    waiting = queue.get("a")

    queue.finish(only(queue), OK, now=NOW)

    assert queue.get("a") == waiting


def test_tasks_come_late_when_asked() -> None:
    queue = queue_of(faults=DeliveryFaults(late_share=1, late_by_seconds=5))
    queue.add(task(), now=NOW)

    assert sent(queue) == []
    assert sent(queue, 5) == ["a"]
    assert queue.counts.late == 1


def test_tasks_with_a_time_come_early_when_asked() -> None:
    queue = queue_of(faults=DeliveryFaults(early_share=1, early_by_seconds=5))
    queue.add(task(in_seconds=20), now=NOW)

    assert sent(queue, 14) == []
    assert queue.get("a").due_at < after(20)
    assert sent(queue, 20) == ["a"]
    assert queue.counts.early == 1
