"""`python -m ops generation show | LEVEL | automatic`: the kill switch."""

import argparse
from collections.abc import Mapping
from decimal import Decimal

from ops.operating import database_of, encodable, place_of, run_command, table
from shared.domain.errors import BadContent
from shared.domain.kill_switch import (
    BudgetInterval,
    KillSwitchState,
    Level,
    ManualOverride,
)
from shared.guards.kill_switch import KillSwitch
from shared.system import SystemClock, pause

ROLE = "roles/datastore.user"
AUTOMATIC = "automatic"
MAX_REASON_LENGTH = 500
SAY_WHY = f"Say why, in 1 to {MAX_REASON_LENGTH} characters: --reason TEXT."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = ("show", *(level.value for level in Level), AUTOMATIC)
    about = "show the switch, set this level, or leave it to the budgets alone"
    parser.add_argument("verb", choices=verbs, help=about)
    parser.add_argument("--reason", default="", help="why, for the audit log")
    parser.add_argument("--project", default="")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    return run_command(
        lambda project: _execute(args, project, environ), args, environ, role=ROLE
    )


def _execute(args: argparse.Namespace, project: str, environ: Mapping[str, str]) -> str:
    if args.verb == "show":
        return shown(_switch(project, environ)[0].show())
    if not 0 < len(args.reason.strip()) <= MAX_REASON_LENGTH:
        raise BadContent(SAY_WHY)
    switch, by = _switch(project, environ)
    # A terminal in another encoding passes bytes that are no UTF-8: they stop nothing.
    reason = encodable(args.reason)
    level = None if args.verb == AUTOMATIC else Level(args.verb)
    after = switch.set_manually(
        level=level, reason=reason, by=by, now=SystemClock().now()
    )
    place = place_of(project, environ)
    print(f"Set in {place}; its functions see it within seconds.")
    return shown(after)


def _switch(project: str, environ: Mapping[str, str]) -> tuple[KillSwitch, str]:
    from shared.gcp.firestore_document import kill_switch_store

    database, by = database_of(project, environ)
    return KillSwitch(store=kill_switch_store(database), pause=pause), by


def shown(switch: KillSwitchState) -> str:
    """A table of the level in force and of who or what set it."""
    return table(
        ("", "level", "why"),
        ("in force", switch.level, ""),
        ("set manually", *_manual_override(switch.manual_override)),
        ("automatic", switch.automatic, ""),
        *(
            (f"budget {name}", interval.level, _spent(switch, name, interval))
            for name, interval in sorted(switch.live_budgets.items())
        ),
    )


def _manual_override(setting: ManualOverride | None) -> tuple[str, str]:
    if setting is None:
        return "-", ""
    at = f"{setting.at:%Y-%m-%d %H:%M} UTC"
    return setting.level, f"{setting.reason} ({setting.by}, {at})"


def _spent(switch: KillSwitchState, name: str, interval: BudgetInterval) -> str:
    spent = f"{_percent(interval.ratio)} spent since {interval.starts_at:%Y-%m-%d}"
    return f"{spent}, overridden manually" if switch.is_overridden(name) else spent


def _percent(ratio: Decimal) -> str:
    if not ratio.is_finite():
        return "no usable amounts, so all"
    # Rounded down, so that 100 % means that all is spent.
    return f"{int(ratio * 100)} %"
