"""The median from bucketed counts is near the true median."""

import statistics

import hypothesis.strategies as st
import pytest
from hypothesis import given

from shared.domain.durations import bucket, median_seconds


@given(st.lists(st.floats(min_value=1, max_value=7200), min_size=1))
def test_the_median_is_off_by_eight_percent_at_most(seconds: list[float]) -> None:
    counts: dict[int, int] = {}
    for each in seconds:
        counts[bucket(each)] = counts.get(bucket(each), 0) + 1

    assert median_seconds(counts) == pytest.approx(
        statistics.median_low(seconds), rel=0.08
    )


def test_without_durations_there_is_no_median() -> None:
    assert median_seconds({}) is None
    assert median_seconds({3: 0}) is None
