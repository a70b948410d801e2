"""The api's call that tells what was made and spent, and what the caps have left."""

from decimal import Decimal
from typing import Any

from flask import Response

from functions.http.bodies import (
    answer,
    read_query,
)
from functions.http.route import Call, Operation, Route
from functions.http.schemas import (
    MONEY,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    nested,
    one_of,
    or_null,
)
from shared import wiring
from shared.domain.catalogue import ProviderId
from shared.domain.usage import MOST_DAYS, USAGE_FIELDS, Scope, UsageQuery
from shared.usecases.show_usage import CapUse, DayUsage, UsageReport

CENT = Decimal("0.01")
DAY: Schema = {"type": "string", "format": "date"}

CAP = nested(limit_usd=or_null(MONEY), used_usd=MONEY, left_usd=or_null(MONEY))
DAY_USAGE = nested(
    date=DAY,
    ai_model=or_null(one_of(ProviderId)),
    jobs=WHOLE,
    completed=WHOLE,
    failed=WHOLE,
    seconds=NUMBER,
    cost_usd=MONEY,
)
USAGE = nested(
    **{"from": DAY},
    to=DAY,
    scope=one_of(Scope),
    time_zone=TEXT,
    usage=list_of(DAY_USAGE),
    caps=nested(daily=CAP, monthly=CAP),
) | {"title": "Usage"}
NOTES = {
    "from": (
        "First day, as `time_zone` has it; without it the first of the month of `to`. "
        f"At most {MOST_DAYS} days.",
        "조회 시작일(`time_zone` 기준). 생략하면 `to`가 속한 달의 1일입니다. "
        f"최대 {MOST_DAYS}일까지 조회할 수 있습니다.",
    ),
    "to": (
        "Last day, counted too; without it today.",
        "조회 종료일(포함). 생략하면 오늘입니다.",
    ),
    "scope": (
        "`own`: the caller's; `all`: everybody's, for admins.",
        "`own`은 본인, `all`은 전체 사용자이며 관리자만 조회할 수 있습니다.",
    ),
}


def _show_usage(call: Call) -> Response:
    asked = read_query(call.request, USAGE_FIELDS)
    scope = Scope(asked["scope"])
    query = UsageQuery(first=asked["from"], last=asked["to"], scope=scope)
    return answer(_report(wiring.show_usage()(call.caller, query)))


def _report(report: UsageReport) -> dict[str, Any]:
    return {
        "from": report.period.first.isoformat(),
        "to": report.period.last.isoformat(),
        "scope": report.scope.value,
        "time_zone": report.time_zone,
        "usage": [_day(usage) for usage in report.usage],
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


def _cap(cap: CapUse) -> dict[str, str | None]:
    limit, left = cap.limit_usd, cap.left_usd
    return {
        "limit_usd": None if limit is None else _money(limit),
        "used_usd": _money(cap.used_usd),
        "left_usd": None if left is None else _money(left),
    }


def _money(usd: Decimal) -> str:
    """To the cent, further where there is more to say; never with an exponent."""
    cents = usd.quantize(CENT)
    return f"{cents if cents == usd else usd:f}"


USAGE_ROUTES = (
    Route(
        method="GET",
        path="/v1/usage",
        handler=_show_usage,
        operation=Operation(
            summary="Jobs, seconds and cost by day and model; what the caps have left",
            summary_ko="일자와 모델별 작업 수, 영상 길이, 비용과 한도 잔액",
            tag="usage",
            query=USAGE_FIELDS,
            notes=NOTES,
            answers={200: USAGE},
            problems=(403, 422),
        ),
    ),
)
