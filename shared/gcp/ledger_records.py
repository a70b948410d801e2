"""Converts ledger and usage values to documents and back. Money is in whole micro-USD.

spend/…    {"days": {"d22": {held}}, "borrowed": {"d22", "month"},
           "recheck": {"d22", "month": how often}}
settled/…  {"days": {"d22": {settled, released}}}
usage/…    {"days": {"d22": {"runway": {jobs, completed, failed, seconds, cost,
           attempts, made_in: {"31": 1}}}}}, where `seconds` is the length of videos in
           thousandths, and `made_in` counts videos by the bucket of how long they took
           (shared/domain/durations.py)
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared.domain.escrow import MONTH
from shared.domain.ledger import Account, LedgerKey, Totals
from shared.domain.usage import Counts, UsageMonth

MICROS = Decimal(1_000_000)
AMOUNTS = ("held", "settled", "released")
OTHER_DAYS = "other days"
# What parsing malformed amounts raises.
MALFORMED = (KeyError, TypeError, ValueError, ArithmeticError)
Record = Mapping[str, Any]


def total(kept: Iterable[Record], *, of_day: str | None = None) -> Account:
    """The sum of an account's documents.

    `of_day`: sums up the month's other days as one. If they were kept apart, creating a
    job would take more and more time towards the end of the month.
    """
    days: dict[str, dict[str, int]] = {}
    for record in kept:
        for day, amounts in record.get("days", {}).items():
            name = day if of_day in (None, day) else OTHER_DAYS
            sums = days.get(name) or days.setdefault(name, dict.fromkeys(AMOUNTS, 0))
            for amount in AMOUNTS:
                sums[amount] += amounts.get(amount, 0)
    return Account(days={day: _totals(amounts) for day, amounts in days.items()})


def _totals(amounts: Mapping[str, int]) -> Totals:
    return Totals(
        held_usd=amounts["held"] / MICROS,
        settled_usd=amounts["settled"] / MICROS,
        released_usd=amounts["released"] / MICROS,
    )


def ledger_key(raw: Record) -> LedgerKey:
    """From a job's document, whatever else it has; raises one of `MALFORMED`."""
    accounts = tuple(str(name) for name in raw["accounts"])
    return LedgerKey(accounts=accounts, day=str(raw["day"]), shard=int(raw["shard"]))


def borrowed(record: Record) -> Mapping[str, Decimal]:
    loans = record.get("borrowed", {})
    return {period: micros / MICROS for period, micros in loans.items()}


def loan_changes(borrowed: Mapping[str, Decimal]) -> dict[str, Any]:
    """The changes to a `spend` document that borrows or lends."""
    return {"borrowed": {period: int(usd * MICROS) for period, usd in borrowed.items()}}


def recheck(record: Record) -> Collection[str]:
    """The periods to recheck. Earlier releases stored one flag for all periods, or one
    flag for each.
    """
    kept = record.get("recheck", False)
    periods = kept if isinstance(kept, dict) else {MONTH: kept}
    return {period for period, is_due in periods.items() if is_due}


def recheck_increments(day: str) -> dict[str, Any]:
    """What to add to a `spend` document once a charge that is owed on `day` is booked.

    It is a counter, because only a write that changes the document makes concurrent
    commits fail that were decided on its earlier state.
    """
    return {"recheck": {day: 1, MONTH: 1}}


def admission_changes(spend: Record, day: str, held_usd: Decimal) -> dict[str, Any]:
    """The changes to a `spend` document that holds `held_usd` more."""
    before = spend.get("days", {}).get(day, {}).get("held", 0)
    checked = {day, MONTH}.intersection(recheck(spend))
    cleared = {"recheck": dict.fromkeys(checked, 0)} if checked else {}
    return {"days": {day: {"held": before + int(held_usd * MICROS)}}, **cleared}


def total_increments(day: str, totals: Totals) -> dict[str, Any]:
    """Amounts to increment by, so that concurrent commits don't conflict."""
    return {"days": {day: _amounts(totals)}}


def usage_increments(day: str, usage: Mapping[str, Counts]) -> dict[str, Any]:
    """Like `total_increments`, for a `usage` document."""
    return {"days": {day: {model: _counts(counts) for model, counts in usage.items()}}}


def usage_month(records: Sequence[Record]) -> UsageMonth:
    """The sum of an account's `usage` documents."""
    days: dict[str, dict[str, Counts]] = {}
    for record in records:
        for day, models in record.get("days", {}).items():
            sums = days.setdefault(day, {})
            for model, amounts in models.items():
                sums[model] = sums.get(model, Counts()) + _read_counts(amounts)
    return UsageMonth(days=days)


def _amounts(totals: Totals) -> dict[str, int]:
    return {
        "held": int(totals.held_usd * MICROS),
        "settled": int(totals.settled_usd * MICROS),
        "released": int(totals.released_usd * MICROS),
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "jobs": counts.jobs,
        "completed": counts.completed,
        "failed": counts.failed,
        "seconds": counts.milliseconds,
        "cost": int(counts.cost_usd * MICROS),
        "attempts": counts.attempts,
        "made_in": {str(bucket): n for bucket, n in counts.made_in.items()},
    }


def _read_counts(amounts: Record) -> Counts:
    return Counts(
        jobs=amounts.get("jobs", 0),
        completed=amounts.get("completed", 0),
        failed=amounts.get("failed", 0),
        milliseconds=amounts.get("seconds", 0),
        cost_usd=amounts.get("cost", 0) / MICROS,
        attempts=amounts.get("attempts", 0),
        made_in={int(bucket): n for bucket, n in amounts.get("made_in", {}).items()},
    )
