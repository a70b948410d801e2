"""Durations as a mergeable histogram, whose median is accurate to 8 percent."""

import math
from collections.abc import Mapping

# Each bucket's upper bound is this many times the previous one's; bucket 0's is 1 s.
STEP_RATIO = 1.15
Durations = Mapping[int, int]


def bucket(seconds: float) -> int:
    return math.ceil(math.log(max(seconds, 1.0), STEP_RATIO))


def median_seconds(counts: Durations) -> float | None:
    """The middle of the bucket that contains the median; None without durations."""
    left = (sum(counts.values()) + 1) // 2
    for each in sorted(counts):
        left -= counts[each]
        if left <= 0 < counts[each]:
            return float(STEP_RATIO ** (each - 0.5))
    return None
