"""`python -m ops.deploy up | destroy`: what `make deploy` and `make destroy` call."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.deploy.checks import Target
from ops.deploy.choices import assignment
from ops.deploy.down import down
from ops.deploy.settle import Asked
from ops.deploy.terraform import Terraform
from ops.deploy.up import up
from ops.deploy.world import Stopped, World, real_world
from ops.environment import environment

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
    target = Target(project=asked.project, region=asked.region)
    up(world, terraform, Asked(target=target, settings=settings(asked)))


def _destroy(world: World, terraform: Terraform, asked: argparse.Namespace) -> None:
    down(world, terraform, Target(project=asked.project, region=""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.deploy", description=__doc__)
    commands = parser.add_subparsers(required=True)
    deploying = commands.add_parser("up", help="from a project to a running service")
    deploying.add_argument("--region", required=True)
    deploying.add_argument("--email", action="append", help="gets the alerts")
    deploying.add_argument("--origin", action="append", help="of a frontend")
    deploying.add_argument(
        "--public",
        dest="api_public",
        action=argparse.BooleanOptionalAction,
        help="whether allUsers may call the api, which checks its callers itself",
    )
    deploying.add_argument(
        "--budget", dest="enable_budget", action=argparse.BooleanOptionalAction
    )
    deploying.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a variable"
    )
    deploying.set_defaults(run=_up)
    removing = commands.add_parser("destroy", help="take it down; data stays")
    removing.set_defaults(run=_destroy)
    for command in (deploying, removing):
        command.add_argument("--project", required=True)
        command.add_argument("--yes", action="store_true", help="agree to everything")
    return parser


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    world = real_world(unattended=asked.yes, environ=environment())
    work = ROOT / ".local" / "deploy" / asked.project
    terraform = Terraform(world=world, folder=ROOT / "infra", work=work)
    try:
        asked.run(world, terraform, asked)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command to continue from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
