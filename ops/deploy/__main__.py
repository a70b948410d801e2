"""`python -m ops.deploy up | plan | destroy`: what `make deploy` and others call."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.deploy.checks import Target
from ops.deploy.choices import assignment, refuse_what_functions_would
from ops.deploy.down import down
from ops.deploy.preview import show_plan
from ops.deploy.settle import Asked
from ops.deploy.terraform import Terraform
from ops.deploy.up import up
from ops.deploy.world import Stopped, World, real_world
from ops.environment import environment

AGAIN = "Running the same command again is always safe: it continues from here."
ROOT = Path(__file__).resolve().parent.parent.parent


def settings(asked: argparse.Namespace) -> Mapping[str, Any]:
    """Terraform's variables that the command line sets."""
    given = dict(assignment(text) for text in asked.set)
    if asked.email:
        given["alert_emails"] = asked.email
    if asked.origin:
        given["allowed_origins"] = asked.origin
    for name in ("api_public", "enable_budget"):
        if getattr(asked, name) is not None:
            given[name] = getattr(asked, name)
    return given


def _up(world: World, terraform: Terraform, asked: argparse.Namespace) -> None:
    up(world, terraform, _asked(asked))


def _plan(world: World, terraform: Terraform, asked: argparse.Namespace) -> None:
    show_plan(world, terraform, _asked(asked))


def _asked(asked: argparse.Namespace) -> Asked:
    """Stopped, before anything is looked at, where a setting can't be one."""
    given = settings(asked)
    refuse_what_functions_would({"project_id": asked.project, **given})
    return Asked(
        target=Target(project=asked.project, region=asked.region), settings=given
    )


def _destroy(world: World, terraform: Terraform, asked: argparse.Namespace) -> None:
    down(world, terraform, Target(project=asked.project, region=""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.deploy", description=__doc__)
    commands = parser.add_subparsers(required=True)
    deploying = commands.add_parser("up", help="from a project to a running service")
    deploying.set_defaults(run=_up)
    planning = commands.add_parser("plan", help="what a deploy would do; does nothing")
    planning.set_defaults(run=_plan)
    for command in (deploying, planning):
        _add_settings(command)
    removing = commands.add_parser("destroy", help="take it down; data stays")
    removing.set_defaults(run=_destroy)
    for command in (deploying, planning, removing):
        command.add_argument("--project", required=True)
        command.add_argument("--yes", action="store_true", help="agree to everything")
    return parser


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--region", default="", help="asked for where none is known")
    command.add_argument("--email", action="append", help="gets the alerts")
    command.add_argument("--origin", action="append", help="of a frontend")
    command.add_argument(
        "--public",
        dest="api_public",
        action=argparse.BooleanOptionalAction,
        help="whether allUsers may call the api, which checks its callers itself",
    )
    command.add_argument(
        "--budget", dest="enable_budget", action=argparse.BooleanOptionalAction
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a variable"
    )


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    world = real_world(unattended=asked.yes, environ=environment())
    work = ROOT / ".local" / "deploy" / asked.project
    terraform = Terraform(world=world, folder=ROOT / "infra", work=work)
    try:
        asked.run(world, terraform, asked)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        if asked.run is _up:
            print(AGAIN, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command to continue from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
