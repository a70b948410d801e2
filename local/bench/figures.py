"""Figures of the bench: medians over rounds that alternate with the reference's."""

import json
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
# A metric, its unit, how to get it from a round's result, and the goal for its ratio.
Row = tuple[str, str, Callable[[T], float], str]


def print_compared(
    reference: str, references: Sequence[T], ours: Sequence[T], rows: Iterable[Row[T]]
) -> None:
    """Print a JSON line per figure. `ours` and `references` have a result per round;
    `references` is empty for figures without a reference.
    """
    for metric, unit, of, goal in rows:
        values = [of(found) for found in ours]
        reference_values = [of(found) for found in references]
        value = statistics.median(values)
        line = {
            "metric": metric,
            "value": round(value, 4),
            "unit": unit,
            "spread": _spread(values),
            "reference": reference,
        }
        if reference_values:
            median = statistics.median(reference_values)
            line |= {
                "reference_value": round(median, 4),
                "reference_spread": _spread(reference_values),
                "ratio": round(value / median, 3) if median else None,
            }
        print(json.dumps(line | {"goal": goal, "rounds": len(values)}), flush=True)


def _spread(values: Sequence[float]) -> list[float]:
    return [round(min(values), 4), round(max(values), 4)]


def alternating(
    rounds: int, reference: Callable[[], T], ours: Callable[[], T]
) -> tuple[list[T], list[T]]:
    """Results of both, measured alternately, so that other load affects both alike."""
    pairs = [(reference(), ours()) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def peak_resident_mb(process: int | str = "self") -> float:
    """A process's peak resident memory. getrusage would include that of its parent."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return (
        max(map(int, found), default=0) / 1000
    )  # none of a process that has just ended
