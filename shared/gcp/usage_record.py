"""Usage as Firestore documents, `usage/{account}`, and back.

{"days": {"d22": {"runway": {jobs, completed, failed, seconds, cost}}}}: whole numbers,
`seconds` of video in thousandths and `cost` in millionths of a USD.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from google.cloud import firestore

from shared.domain.usage import Counts, UsageMonth

MICROS = Decimal(1_000_000)


def added_usage(day: str, usage: Mapping[str, Counts]) -> dict[str, Any]:
    """To be merged into a document: increments, so that no two commits are rivals."""
    return {"days": {day: {model: _added(counts) for model, counts in usage.items()}}}


def read_usage(document: Mapping[str, Any]) -> UsageMonth:
    return UsageMonth(
        days={
            day: {model: _counts(amounts) for model, amounts in models.items()}
            for day, models in document.get("days", {}).items()
        }
    )


def _added(counts: Counts) -> dict[str, Any]:
    amounts = {
        "jobs": counts.jobs,
        "completed": counts.completed,
        "failed": counts.failed,
        "seconds": counts.milliseconds,
        "cost": int(counts.cost_usd * MICROS),
    }
    return {name: firestore.Increment(n) for name, n in amounts.items() if n}


def _counts(amounts: Mapping[str, int]) -> Counts:
    return Counts(
        jobs=amounts.get("jobs", 0),
        completed=amounts.get("completed", 0),
        failed=amounts.get("failed", 0),
        milliseconds=amounts.get("seconds", 0),
        cost_usd=amounts.get("cost", 0) / MICROS,
    )
