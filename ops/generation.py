"""`python -m ops generation show | normal | tight | paused`: the kill switch."""

import argparse
from collections.abc import Mapping
from decimal import Decimal

from ops.operating import carry_out, firestore_of, table
from shared.domain.errors import BadContent
from shared.domain.kill_switch import Interval, Level, Setting, Switch
from shared.guards.kill_switch import KillSwitch
from shared.system import SystemClock, pause

ROLE = "roles/datastore.user"
LONGEST_REASON = 500
SAY_WHY = f"Say why, in 1 to {LONGEST_REASON} characters: --reason TEXT."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = ("show", *(level.value for level in Level))
    parser.add_argument("verb", choices=verbs, help="look, or set this level")
    parser.add_argument("--reason", default="", help="why, for the record")
    parser.add_argument("--project", default="")


def run(asked: argparse.Namespace, environ: Mapping[str, str]) -> int:
    return carry_out(
        lambda project: _say(asked, project, environ), asked, environ, role=ROLE
    )


def _say(asked: argparse.Namespace, project: str, environ: Mapping[str, str]) -> str:
    if asked.verb == "show":
        return shown(_switch(project, environ)[0].show())
    if not 0 < len(asked.reason.strip()) <= LONGEST_REASON:
        raise BadContent(SAY_WHY)
    switch, by = _switch(project, environ)
    after = switch.set_manually(
        level=Level(asked.verb), reason=asked.reason, by=by, now=SystemClock().now()
    )
    print(f"Set in {project}; its functions see it within seconds.")
    return shown(after)


def _switch(project: str, environ: Mapping[str, str]) -> tuple[KillSwitch, str]:
    from shared.gcp.firestore_calls import Database
    from shared.gcp.firestore_switch import FirestoreSwitch

    client, by = firestore_of(project, environ)
    return KillSwitch(store=FirestoreSwitch(Database(client)), pause=pause), by


def shown(switch: Switch) -> str:
    """The level in force, and below it who or what set it."""
    return table(
        ("", "level", "why"),
        ("in force", switch.level, ""),
        ("set manually", *_manual_override(switch.manual_override)),
        ("automatic", switch.automatic, ""),
        *(
            (f"budget {name}", interval.level, _spent(switch, name, interval))
            for name, interval in sorted(switch.budgets.items())
        ),
    )


def _manual_override(setting: Setting | None) -> tuple[str, str]:
    if setting is None:
        return "-", ""
    at = f"{setting.at:%Y-%m-%d %H:%M} UTC"
    return setting.level, f"{setting.reason} ({setting.by}, {at})"


def _spent(switch: Switch, name: str, interval: Interval) -> str:
    spent = f"{_percent(interval.ratio)} spent since {interval.starts_at:%Y-%m-%d}"
    overridden = switch.is_overridden(name) and interval.level is not Level.NORMAL
    return f"{spent}, overridden manually" if overridden else spent


def _percent(ratio: Decimal) -> str:
    if not ratio.is_finite():
        return "no usable amounts, so all"
    # Rounded down, so that 100 % means that all is spent.
    return f"{int(ratio * 100)} %"
