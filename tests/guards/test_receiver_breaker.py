"""Slow webhook receivers are skipped for a while, those of other keys aren't."""

from datetime import timedelta

import pytest

from shared.guards.receiver_breaker import (
    MAX_KEYS,
    MAX_SKIP,
    MIN_SKIP,
    SHARE,
    SLOW_THRESHOLD,
    ReceiverBreaker,
)
from tests.fakes.clock import FrozenClock

SLOW = SLOW_THRESHOLD
QUICK = SLOW - timedelta(milliseconds=1)
NOT_SKIPPED = timedelta(0)


@pytest.fixture
def breaker() -> ReceiverBreaker:
    return ReceiverBreaker(clock=FrozenClock())


@pytest.mark.parametrize(
    ("took", "skip"),
    [
        ([], NOT_SKIPPED),
        ([SLOW], NOT_SKIPPED),
        ([SLOW, SLOW], MIN_SKIP),
        ([SLOW, QUICK, SLOW], NOT_SKIPPED),
        ([SLOW, SLOW, SLOW], 2 * MIN_SKIP),
        ([SLOW, SLOW, QUICK], NOT_SKIPPED),
        ([SLOW] * 100, MAX_SKIP),
    ],
    ids=["none", "one", "two", "not in a row", "three", "a quick one", "many"],
)
def test_two_slow_messages_in_a_row_skip_the_receivers_of_their_key(
    breaker: ReceiverBreaker, took: list[timedelta], skip: timedelta
) -> None:
    for each in took:
        breaker.report("key1", each, is_delivered=False)

    assert breaker.skipped_for("key1") == skip
    assert breaker.skipped_for("key2") == NOT_SKIPPED


@pytest.mark.parametrize(
    ("messages", "skip"),
    [
        ([(SLOW, True)], NOT_SKIPPED),
        ([(SLOW, True)] * 2, SHARE * SLOW),
        ([(SLOW, True)] * 100, SHARE * SLOW),
        ([(2 * QUICK, True)] * 100, SHARE * 2 * QUICK),
        ([(SLOW, False)] * 100 + [(SLOW, True)], SHARE * SLOW),
        ([(SLOW, True), (SLOW, False)], MIN_SKIP),
        ([(SLOW, True), (SLOW, True), (SLOW, False)], 2 * SHARE * SLOW),
    ],
    ids=["one", "two", "many", "slower", "no longer hangs", "hangs", "hangs now"],
)
def test_receivers_that_answer_slowly_are_skipped_in_proportion_and_never_for_longer(
    breaker: ReceiverBreaker, messages: list[tuple[timedelta, bool]], skip: timedelta
) -> None:
    for took, is_delivered in messages:
        breaker.report("key1", took, is_delivered=is_delivered)

    assert breaker.skipped_for("key1") == skip


def test_after_the_skip_one_slow_message_is_enough(breaker: ReceiverBreaker) -> None:
    clock = FrozenClock()
    breaker.clock = clock
    for _ in range(2):
        breaker.report("key1", SLOW, is_delivered=False)
    clock.move(MIN_SKIP)
    assert breaker.skipped_for("key1") == NOT_SKIPPED

    breaker.report("key1", SLOW, is_delivered=False)

    assert breaker.skipped_for("key1") == 2 * MIN_SKIP


def test_with_too_many_keys_the_oldest_is_forgotten(breaker: ReceiverBreaker) -> None:
    for number in range(MAX_KEYS + 1):
        for _ in range(2):
            breaker.report(f"key{number}", SLOW, is_delivered=False)

    assert breaker.skipped_for("key0") == NOT_SKIPPED
    assert breaker.skipped_for("key1") > NOT_SKIPPED
