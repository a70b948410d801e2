"""Backoff, exhaustion, rates, throttling and faults, as tables without waiting."""

from datetime import UTC, datetime, timedelta

import pytest

from local.emulators.cloud_tasks.rules import (
    DeliveryFaults,
    RateRules,
    RetryRules,
    Throttle,
    TokenBucket,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            RetryRules(
                min_backoff=seconds(10), max_backoff=seconds(300), max_doublings=3
            ),
            [10, 20, 40, 80, 160, 240, 300, 300],
            id="the example in google's documentation",
        ),
        pytest.param(
            RetryRules(min_backoff=seconds(2), max_doublings=0),
            [2, 4, 6, 8],
            id="no doubling is linear",
        ),
        pytest.param(
            RetryRules(min_backoff=seconds(5), max_backoff=seconds(5)),
            [5, 5, 5],
            id="constant",
        ),
        pytest.param(RetryRules(), [0.1, 0.2, 0.4, 0.8], id="defaults"),
    ],
)
def test_backoff(rules: RetryRules, expected: list[float]) -> None:
    waits = [rules.backoff(n).total_seconds() for n in range(1, len(expected) + 1)]

    assert waits == pytest.approx(expected)


def test_backoff_never_overflows() -> None:
    rules = RetryRules(max_doublings=2**31 - 1)

    assert rules.backoff(100_000) == rules.max_backoff


@pytest.mark.parametrize(
    ("max_attempts", "max_seconds", "attempts", "age", "expected"),
    [
        pytest.param(3, 0, 2, 999, False, id="attempts left"),
        pytest.param(3, 0, 3, 0, True, id="attempts used up"),
        pytest.param(-1, 60, 999, 59, False, id="time left"),
        pytest.param(-1, 60, 1, 60, True, id="time used up"),
        pytest.param(3, 60, 9, 59, False, id="both set, time left"),
        pytest.param(3, 60, 2, 99, False, id="both set, attempts left"),
        pytest.param(3, 60, 3, 60, True, id="both set, both used up"),
        pytest.param(-1, 0, 9999, 99999, False, id="no limit"),
    ],
)
def test_exhaustion(
    max_attempts: int, max_seconds: int, attempts: int, age: int, expected: bool
) -> None:
    rules = RetryRules(
        max_attempts=max_attempts, max_retry_duration=seconds(max_seconds)
    )

    exhausted = rules.is_exhausted(
        attempts=attempts, first_attempt_at=NOW - seconds(age), now=NOW
    )

    assert exhausted is expected


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    rules = RateRules(max_dispatches_per_second=2, max_burst_size=2)
    bucket = TokenBucket.full(rules, now=NOW).taken().taken()

    ready_at = bucket.ready_at(rules)

    assert ready_at - NOW == pytest.approx(seconds(0.5), abs=seconds(0.001))
    assert bucket.refilled(rules, now=ready_at).ready_at(rules) <= ready_at


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    rules = RateRules(max_dispatches_per_second=2, max_burst_size=3)
    bucket = TokenBucket.full(rules, now=NOW)

    assert bucket.refilled(rules, now=NOW + seconds(60)).tokens == 3


def test_throttling_doubles_then_recovers() -> None:
    throttle, now, pauses = Throttle(longest=seconds(4)), NOW, []
    for _ in range(4):
        now += seconds(10)
        throttle = throttle.slowed(dispatched_at=now, now=now, retry_after=None)
        now += seconds(10)
        pauses.append(throttle.pause)
    for _ in range(3):
        throttle = throttle.eased(dispatched_at=now)

    assert pauses == [seconds(1), seconds(2), seconds(4), seconds(4)]
    assert throttle.pause == seconds(0)
    assert throttle.not_before is None


def test_answers_to_attempts_made_together_throttle_once() -> None:
    throttle = Throttle()
    for _ in range(20):
        throttle = throttle.slowed(dispatched_at=NOW, now=NOW, retry_after=None)

    assert throttle.pause == throttle.shortest


def test_a_success_from_before_the_429_does_not_end_throttling() -> None:
    throttle = Throttle().slowed(
        dispatched_at=NOW, now=NOW + seconds(1), retry_after=None
    )

    assert throttle.eased(dispatched_at=NOW).pause == throttle.shortest


def test_retry_after_is_heeded() -> None:
    throttle = Throttle().slowed(dispatched_at=NOW, now=NOW, retry_after=seconds(30))

    assert throttle.not_before == NOW + seconds(30)


def test_a_share_of_the_tasks_is_chosen_by_seed() -> None:
    names = [f"task-{n}" for n in range(1000)]
    chosen = [
        {
            name
            for name in names
            if DeliveryFaults(twice_share=0.2, seed=s).second_after(name)
        }
        for s in (1, 1, 2)
    ]

    assert 150 < len(chosen[0]) < 250
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]


def test_nothing_goes_wrong_unasked() -> None:
    assert DeliveryFaults().lateness("a") is None
    assert DeliveryFaults().earliness("a") is None
    assert DeliveryFaults().second_after("a") is None


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        DeliveryFaults(late_share=share)
