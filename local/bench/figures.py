"""A figure of the bench: medians of rounds that alternate with a reference's."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`values` and `references` are of the same rounds, one of each in every round.

    `goal`: the ratio that is aimed at, in words.
    """

    metric: str
    unit: str
    values: Sequence[float]
    reference: str = ""
    references: Sequence[float] = ()
    goal: str = ""

    def line(self) -> str:
        value = statistics.median(self.values)
        line = {
            "metric": self.metric,
            "value": round(value, 4),
            "unit": self.unit,
            "spread": _spread(self.values),
            "reference": self.reference,
        }
        if self.references:
            beside = statistics.median(self.references)
            line |= {
                "reference_value": round(beside, 4),
                "reference_spread": _spread(self.references),
                "ratio": round(value / beside, 3) if beside else None,
            }
        return json.dumps(line | {"goal": self.goal, "rounds": len(self.values)})

    def print(self) -> None:
        print(self.line(), flush=True)


# A metric, its unit, where it stands in what a round found, and the ratio aimed at.
Row = tuple[str, str, Callable[[T], float], str]


def print_beside(
    name: str, references: Sequence[T], ours: Sequence[T], rows: Iterable[Row[T]]
) -> None:
    """Figures of rounds that found the same of us and of the reference `name`."""
    for metric, unit, of, goal in rows:
        Figure(
            metric=metric,
            unit=unit,
            values=[of(found) for found in ours],
            reference=name,
            references=[of(found) for found in references],
            goal=goal,
        ).print()


def _spread(values: Sequence[float]) -> list[float]:
    return [round(min(values), 4), round(max(values), 4)]


def alternating(
    rounds: int, reference: Callable[[], T], ours: Callable[[], T]
) -> tuple[list[T], list[T]]:
    """What both found, by turns, so that a busy machine is as busy for each of them."""
    pairs = [(reference(), ours()) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
