"""Durations as counts in buckets, which add up; their median to within 8 percent."""

import math
from collections.abc import Mapping

# Each bucket ends at this many times the end of the one before; bucket 0 at a second.
STEP = 1.15
Durations = Mapping[int, int]


def bucket(seconds: float) -> int:
    return math.ceil(math.log(max(seconds, 1.0), STEP))


def median_seconds(counts: Durations) -> float | None:
    """The middle of the bucket that the median is in; None without any."""
    left = (sum(counts.values()) + 1) // 2
    for each in sorted(counts):
        left -= counts[each]
        if left <= 0 < counts[each]:
            return float(STEP ** (each - 0.5))
    return None
