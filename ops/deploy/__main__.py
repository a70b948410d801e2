"""`python -m ops.deploy up | plan | destroy`: behind make deploy, plan and destroy."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.deploy.checks import Target
from ops.deploy.context import Context, DeployError, real_context
from ops.deploy.down import down
from ops.deploy.preview import show_plan
from ops.deploy.settings import DeployOptions
from ops.deploy.terraform import Terraform
from ops.deploy.up import up
from ops.deploy.variables import function_settings, parse_assignment
from ops.environment import environment

ROOT = Path(__file__).resolve().parent.parent.parent


def settings(args: argparse.Namespace) -> Mapping[str, Any]:
    """The Terraform variables set on the command line."""
    given = dict(parse_assignment(text) for text in args.set)
    if args.email:
        given["alert_emails"] = args.email
    if args.origin:
        given["allowed_origins"] = args.origin
    for name in ("api_public", "enable_budget"):
        if getattr(args, name) is not None:
            given[name] = getattr(args, name)
    return given


def _up(context: Context, terraform: Terraform, args: argparse.Namespace) -> None:
    up(context, terraform, _options(args))


def _plan(context: Context, terraform: Terraform, args: argparse.Namespace) -> None:
    show_plan(context, terraform, _options(args))


def _options(args: argparse.Namespace) -> DeployOptions:
    """Raises DeployError for an invalid setting, before anything is looked at."""
    given = settings(args)
    function_settings({"project_id": args.project, **given})
    return DeployOptions(
        target=Target(project=args.project, region=args.region), settings=given
    )


def _destroy(context: Context, terraform: Terraform, args: argparse.Namespace) -> None:
    down(context, terraform, Target(project=args.project, region=""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.deploy", description=__doc__)
    commands = parser.add_subparsers(required=True)
    deploying = commands.add_parser("up", help="deploy the service into a project")
    deploying.set_defaults(run=_up)
    planning = commands.add_parser(
        "plan", help="show what a deploy would do; change nothing"
    )
    planning.set_defaults(run=_plan)
    for command in (deploying, planning):
        _add_settings(command)
    removing = commands.add_parser("destroy", help="take the service down; data stays")
    removing.set_defaults(run=_destroy)
    for command in (deploying, planning, removing):
        command.add_argument("--project", required=True)
        command.add_argument(
            "--yes", action="store_true", help="answer every question with its default"
        )
    return parser


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--region", default="", help="asked for if none is known")
    command.add_argument(
        "--email", action="append", help="an address that gets the alerts"
    )
    command.add_argument("--origin", action="append", help="an origin of a frontend")
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
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a Terraform variable",
    )


def main(arguments: Sequence[str]) -> int:
    args = _parser().parse_args(arguments)
    context = real_context(unattended=args.yes, environ=environment())
    work = ROOT / ".local" / "deploy" / args.project
    terraform = Terraform(context=context, folder=ROOT / "infra", work=work)
    try:
        args.run(context, terraform, args)
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run the same command to continue from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
