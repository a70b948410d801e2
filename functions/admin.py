"""The api's routes for administrators: read and set the kill switch."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from functions.http.bodies import json_response, read_object
from functions.http.route import Body, Call, Route
from functions.http.schemas import (
    choice,
    described,
    flag,
    list_of,
    moment,
    or_null,
    record,
    text,
)
from shared.domain.fields import Field, read_fields
from shared.domain.kill_switch import KillSwitchState, Level
from shared.domain.specs import Choice, Text
from shared.system import SystemClock
from shared.wiring import guards

LEVEL = choice("Level", Level)
GENERATION_FIELDS: Mapping[str, Field] = {
    "level": Field(
        spec=Choice(values=tuple(Level), title="Level"),
        required=True,
        description="`tight` asks only cheap providers; `paused` spends nothing new.",
        example="paused",
    ),
    "reason": Field(
        spec=Text(max_units=500),
        required=True,
        description="The reason, for the record.",
        example="The bill looks wrong",
    ),
}
BUDGET = record(
    "Budget",
    "What a Google Cloud budget reported.",
    budget_id=text("The budget's ID.", "6d1f7c3e"),
    interval_start=moment("When its interval began.", "2026-11-01T08:00:00.000Z"),
    ratio=text("Cost by budget.", "0.93"),
    level=described(LEVEL, "The level that follows.", "tight"),
    overridden=flag("Whether the manual override outranks it.", example=False),
)
AUTOMATIC = record(
    "AutomaticLevel",
    "The level that the budgets set.",
    level=described(LEVEL, "The highest of the budgets' levels.", "tight"),
    budgets=list_of(BUDGET, "The budgets that reported."),
)
OVERRIDE = record(
    "ManualOverride",
    "The level that an administrator set.",
    level=described(LEVEL, "That level.", "paused"),
    reason=text("Why.", "The bill looks wrong"),
    by=text("The administrator's user ID.", "min-ji"),
    at=moment("When it was set."),
)
GENERATION = record(
    "Generation",
    "The kill switch.",
    level=described(LEVEL, "The level in force.", "paused"),
    automatic=described(AUTOMATIC, "The level that the budgets set."),
    by_hand=or_null(described(OVERRIDE, "The level that an administrator set.")),
)


def _show_generation(_call: Call) -> Response:
    return json_response(_render(guards.kill_switch().show()))


def _set_generation(call: Call) -> Response:
    values = read_fields(GENERATION_FIELDS, read_object(call.request))
    switch = guards.kill_switch().set_manually(
        level=Level(values["level"]),
        reason=values["reason"],
        by=call.caller.user_id,
        now=SystemClock().now(),
    )
    return json_response(_render(switch))


def _render(switch: KillSwitchState) -> dict[str, Any]:
    """`level` is the effective one; next to it, what budgets and an admin have set."""
    override = switch.manual_override
    budgets = [
        {
            "budget_id": budget_id,
            "interval_start": interval.starts_at,
            "ratio": str(interval.ratio),
            "level": interval.level.value,
            "overridden": switch.is_overridden(budget_id),
        }
        for budget_id, interval in sorted(switch.live_budgets.items())
    ]
    return {
        "level": switch.level.value,
        "automatic": {"level": switch.automatic.value, "budgets": budgets},
        "by_hand": override
        and {
            "level": override.level.value,
            "reason": override.reason,
            "by": override.by,
            "at": override.at,
        },
    }


ADMIN_ROUTES = (
    Route(
        method="GET",
        path="/v1/admin/generation",
        handler=_show_generation,
        is_for_admins=True,
        summary="Get the kill switch",
        description="The level in force, what the budgets reported, and what an "
        "administrator set.",
        tag="admin",
        responses={200: GENERATION},
    ),
    Route(
        method="POST",
        path="/v1/admin/generation",
        handler=_set_generation,
        is_for_admins=True,
        summary="Set the kill switch",
        description="`normal` overrides the budgets until their next interval; "
        "`paused` holds until it is lifted. What is already paid for goes on.",
        tag="admin",
        body=Body(
            title="GenerationRequest",
            description="The level to set.",
            fields=GENERATION_FIELDS,
        ),
        responses={200: GENERATION},
    ),
)
