"""The api's calls for operators alone: the kill switch, shown and set."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from functions.http.bodies import (
    answer,
    read_body,
)
from functions.http.route import Call, Operation, Route
from functions.http.schemas import (
    FLAG,
    MOMENT,
    TEXT,
    list_of,
    nested,
    one_of,
    or_null,
    record,
)
from shared import wiring
from shared.domain.errors import Forbidden
from shared.domain.fields import Choice, Field, Text
from shared.domain.kill_switch import Interval, Level, Switch
from shared.system import SystemClock

GENERATION_FIELDS: Mapping[str, Field] = {
    "level": Field(spec=Choice(values=tuple(Level)), required=True),
    "reason": Field(spec=Text(longest=500), required=True),
}

GENERATION = record(
    "Generation",
    level=one_of(Level),
    automatic=nested(
        level=one_of(Level),
        budgets=list_of(
            nested(
                budget_id=TEXT,
                interval_start=MOMENT,
                ratio=TEXT,
                level=one_of(Level),
                overridden=FLAG,
            )
        ),
    ),
    by_hand=or_null(nested(level=one_of(Level), reason=TEXT, by=TEXT, at=MOMENT)),
)


def _show_generation(call: Call) -> Response:
    _need_admin(call)
    return answer(_shown(wiring.kill_switch().show()))


def _set_generation(call: Call) -> Response:
    _need_admin(call)
    values = read_body(call.request, GENERATION_FIELDS)
    switch = wiring.kill_switch().set_manually(
        level=Level(values["level"]),
        reason=values["reason"],
        by=call.caller.user_id,
        now=SystemClock().now(),
    )
    return answer(_shown(switch))


def _need_admin(call: Call) -> None:
    if not call.caller.is_admin:
        raise Forbidden("the claim admin is missing")


def _shown(switch: Switch) -> dict[str, Any]:
    """`level` is what holds; beside it what the budgets say and what a person set."""
    hand = switch.manual_override
    budgets = [
        _budget(budget_id, interval, is_overridden=switch.is_overridden(budget_id))
        for budget_id, interval in sorted(switch.budgets.items())
    ]
    return {
        "level": switch.level.value,
        "automatic": {"level": switch.automatic.value, "budgets": budgets},
        "by_hand": hand
        and {
            "level": hand.level.value,
            "reason": hand.reason,
            "by": hand.by,
            "at": hand.at,
        },
    }


def _budget(
    budget_id: str, interval: Interval, *, is_overridden: bool
) -> dict[str, Any]:
    return {
        "budget_id": budget_id,
        "interval_start": interval.starts_at,
        "ratio": str(interval.ratio),
        "level": interval.level.value,
        "overridden": is_overridden,
    }


ADMIN_ROUTES = (
    Route(
        method="GET",
        path="/v1/admin/generation",
        handler=_show_generation,
        operation=Operation(
            summary="What the kill switch says, and who said it",
            summary_ko="영상 생성 스위치의 상태와 설정한 사람을 조회합니다",
            tag="admin",
            answers={200: GENERATION},
            problems=(403,),
        ),
    ),
    Route(
        method="POST",
        path="/v1/admin/generation",
        handler=_set_generation,
        operation=Operation(
            summary="Set the kill switch: `normal`, `tight` or `paused`",
            summary_ko="영상 생성 스위치를 normal, tight, paused 중 하나로 설정합니다",
            tag="admin",
            body=GENERATION_FIELDS,
            answers={200: GENERATION},
            problems=(403,),
            notes={
                "level": (
                    "`tight` asks cheap links only; `paused` spends nothing new.",
                    "tight는 저렴한 모델만 사용하고, paused는 새로 지출하지 않습니다.",
                ),
                "reason": (
                    "Why, for who looks at it later.",
                    "나중에 확인할 사람을 위한 사유입니다.",
                ),
            },
            example={"level": "paused", "reason": "The bill looks wrong"},
        ),
    ),
)
