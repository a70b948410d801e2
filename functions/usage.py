"""The api's route that reports usage, spending, and what is left of the caps."""

from decimal import Decimal
from typing import Any

from flask import Response

from functions.http.bodies import json_response, read_query
from functions.http.route import Call, Route
from functions.http.schemas import (
    choice,
    day,
    described,
    list_of,
    money,
    number,
    or_null,
    record,
    text,
    whole,
)
from functions.video_schemas import AI_MODEL
from shared.domain.durations import median_seconds
from shared.domain.usage import USAGE_FIELDS, Counts, Scope, UsageQuery
from shared.usecases.show_usage import CapUsage, DayUsage, UsageReport
from shared.wiring import use_cases

CENT = Decimal("0.01")
# A user's own month takes 35 database reads; a year of all users takes 240.
TOKENS = 20

CAP = record(
    "Cap",
    "A spending limit and its use.",
    limit_usd=or_null(money("The limit; null if there is none.", "10.00")),
    used_usd=money("What is spent or reserved.", "2.65"),
    left_usd=or_null(
        money("What a new job may still reserve; null without any limit.", "7.35")
    ),
)
CAPS = record(
    "Caps",
    "The spending limits.",
    daily=described(CAP, "Today's."),
    monthly=described(CAP, "This month's."),
)
DAY_USAGE = record(
    "DayUsage",
    "A provider's jobs of one day.",
    date=day("The day on which the jobs were created."),
    ai_model=or_null(
        described(
            AI_MODEL,
            "The provider; null for jobs that tried none, and for translations.",
            "runway",
        )
    ),
    jobs=whole("Jobs that finished.", 3),
    completed=whole("Jobs that delivered a video.", 2),
    failed=whole("Jobs that failed.", 1),
    seconds=number("Seconds of video.", 10.08),
    cost_usd=money("What was spent.", "0.75"),
)
PROVIDER_USAGE = record(
    "ProviderUsage",
    "A provider's results in this period.",
    ai_model=described(AI_MODEL, "The provider.", "runway"),
    attempts=whole("How often it was tried, not counting cancelled attempts.", 4),
    completed=whole("Videos that it delivered.", 3),
    success_rate=number("Videos per attempt, from 0 to 1.", 0.75),
    median_seconds=or_null(
        number("The median time to a video in seconds, to within 8 percent.", 82)
    ),
)
USAGE = record(
    "Usage",
    "What was made and spent, by day and provider.",
    **{"from": day("The first day.", "2026-11-01")},
    to=day("The last day, inclusive."),
    scope=described(choice("Scope", Scope), "Whose usage."),
    time_zone=text("The time zone of the days.", "UTC"),
    usage=list_of(DAY_USAGE, "Days without jobs are left out."),
    providers=list_of(PROVIDER_USAGE, "Providers that were tried in this period."),
    caps=described(CAPS, "The spending limits."),
)


def _show_usage(call: Call) -> Response:
    values = read_query(call.request, USAGE_FIELDS)
    scope = Scope(values["scope"])
    query = UsageQuery(first=values["from"], last=values["to"], scope=scope)
    return json_response(_report(use_cases.show_usage()(call.caller, query)))


def _report(report: UsageReport) -> dict[str, Any]:
    return {
        "from": report.period.first.isoformat(),
        "to": report.period.last.isoformat(),
        "scope": report.scope.value,
        "time_zone": report.time_zone,
        "usage": [_day(usage) for usage in report.usage],
        "providers": [_provider(*each) for each in report.providers.items()],
        "caps": {"daily": _cap(report.daily), "monthly": _cap(report.monthly)},
    }


def _day(usage: DayUsage) -> dict[str, Any]:
    counts = usage.counts
    return {
        "date": usage.day.isoformat(),
        "ai_model": usage.ai_model,
        "jobs": counts.jobs,
        "completed": counts.completed,
        "failed": counts.failed,
        "seconds": counts.milliseconds / 1000,
        "cost_usd": _money(counts.cost_usd),
    }


def _provider(ai_model: str, counts: Counts) -> dict[str, Any]:
    # Not `completed`: records of earlier releases have it without `attempts`.
    completed = sum(counts.made_in.values())
    median = median_seconds(counts.made_in)
    return {
        "ai_model": ai_model,
        "attempts": counts.attempts,
        "completed": completed,
        "success_rate": round(completed / counts.attempts, 4),
        "median_seconds": None if median is None else round(median),
    }


def _cap(cap: CapUsage) -> dict[str, str | None]:
    limit, left = cap.limit_usd, cap.left_usd
    return {
        "limit_usd": None if limit is None else _money(limit),
        "used_usd": _money(cap.used_usd),
        "left_usd": None if left is None else _money(left),
    }


def _money(usd: Decimal) -> str:
    """At least two decimals, more if the amount has them; never with an exponent."""
    cents = usd.quantize(CENT)
    return f"{cents if cents == usd else usd:f}"


USAGE_ROUTES = (
    Route(
        method="GET",
        path="/v1/usage",
        handler=_show_usage,
        tokens=lambda _request: TOKENS,
        summary="Get usage",
        description="Jobs, seconds and cost by day and provider, how each "
        "provider did, and what the spending limits have left.",
        tag="usage",
        query=USAGE_FIELDS,
        responses={200: USAGE},
        problems=(403,),
    ),
)
