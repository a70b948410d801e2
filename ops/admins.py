"""`python -m ops admin add | remove | list`: which users have the claim `admin`."""

import argparse
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import structlog

from ops.operating import EMULATOR, account_name, own_credentials, run_command, table
from ops.users import BASE_URL, User, Users
from shared.domain.errors import NotConfigured

log = structlog.get_logger()

ROLE = "roles/firebaseauth.admin"
HEADINGS = ("user", "e-mail", "verified", "admin")
LOCAL_ADMINS = (
    f"{EMULATOR} is set, and the local stack has no users: `python -m local token USER "
    "--admin` makes an administrator's token there."
)
ADDED = (
    "It takes effect with the user's next token: within an hour, or at the next login."
)
REMOVED = (
    "The token that the user has now keeps its rights until it expires, within an hour."
)
UNVERIFIED = "This e-mail is not verified: make sure that the user is who you mean."


def add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, dest="verb")
    adding = commands.add_parser("add", help="make a user an admin")
    removing = commands.add_parser("remove", help="revoke a user's admin rights")
    listing = commands.add_parser("list", help="list all admins")
    for command in (adding, removing):
        command.add_argument(
            "email", help="the e-mail address that the user signed up with"
        )
    for command in (adding, removing, listing):
        command.add_argument("--project", default="")


def run(
    args: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    credentials: Callable[[str], Any] = own_credentials,
    base_url: str = BASE_URL,
) -> int:
    """Return the exit code.

    `credentials(project)`: the operator's own, with that project as quota project.
    """

    def work(project: str) -> str:
        if environ.get(EMULATOR):
            raise NotConfigured(LOCAL_ADMINS)
        own = credentials(project)
        with closing(Users(project, own, base_url=base_url)) as users:
            return _execute(args, users, by=account_name(own))

    return run_command(work, args, environ, role=ROLE)


def _execute(args: argparse.Namespace, users: Users, *, by: str) -> str:
    if args.verb == "list":
        return _table(*(user for user in users.all() if user.is_admin))
    is_admin = args.verb == "add"
    user = _set_admin(users, args.email, is_admin=is_admin, by=by)
    print(ADDED if is_admin else REMOVED)
    if is_admin and not user.is_verified:
        print(UNVERIFIED)
    return _table(user)


def _set_admin(users: Users, email: str, *, is_admin: bool, by: str) -> User:
    user = users.by_email(email)
    if user.is_admin is is_admin:
        return user
    others = {k: v for k, v in user.claims.items() if k != "admin"}
    users.set_claims(user, {**others, "admin": True} if is_admin else others)
    event = "admin_added" if is_admin else "admin_removed"
    log.warning(event, audit=True, user_id=user.user_id, by=by)
    return users.by_email(email)


def _table(*users: User) -> str:
    yes_or_no = {True: "yes", False: "no"}
    rows = [
        (
            user.user_id,
            user.email,
            yes_or_no[user.is_verified],
            yes_or_no[user.is_admin],
        )
        for user in users
    ]
    return table(HEADINGS, *rows)
