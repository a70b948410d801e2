"""`python -m ops admin add | remove | list`: which users have the claim `admin`."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from ops.operating import EMULATOR, carry_out, name_of, own_credentials, table
from ops.users import BASE_URL, User, Users
from shared.domain.errors import NotConfigured

log = structlog.get_logger()

ROLE = "roles/firebaseauth.admin"
HEADINGS = ("user", "e-mail", "verified", "admin")
LOCAL = (
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
    removing = commands.add_parser("remove", help="take the rights of an admin away")
    listing = commands.add_parser("list", help="all admins")
    for command in (adding, removing):
        command.add_argument("email", help="what the user signed up with")
    for command in (adding, removing, listing):
        command.add_argument("--project", default="")


def run(
    asked: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    credentials: Callable[[str], Any] = own_credentials,
    base_url: str = BASE_URL,
) -> int:
    """`credentials(project)`: ours, using that project's quota."""

    def work(project: str) -> str:
        if environ.get(EMULATOR):
            raise NotConfigured(LOCAL)
        own = credentials(project)
        with Users(project, own, base_url=base_url) as users:
            return _say(asked, users, by=name_of(own))

    return carry_out(work, asked, environ, role=ROLE)


def _say(asked: argparse.Namespace, users: Users, *, by: str) -> str:
    match asked.verb:
        case "add":
            user = _set(users, asked.email, is_admin=True, by=by)
            print(ADDED if user.is_verified else f"{ADDED}\n{UNVERIFIED}")
            return _table(user)
        case "remove":
            user = _set(users, asked.email, is_admin=False, by=by)
            print(REMOVED)
            return _table(user)
        case _:
            return _table(*(user for user in users.all() if user.is_admin))


def _set(users: Users, email: str, *, is_admin: bool, by: str) -> User:
    user = users.named(email)
    if user.is_admin is is_admin:
        return user
    others = {k: v for k, v in user.claims.items() if k != "admin"}
    users.set_claims(user, {**others, "admin": True} if is_admin else others)
    event = "admin_added" if is_admin else "admin_removed"
    log.warning(event, audit=True, user_id=user.user_id, by=by)
    return users.named(email)


def _table(*users: User) -> str:
    return table(HEADINGS, *(_row(user) for user in users))


def _row(user: User) -> tuple[str, ...]:
    verified = "yes" if user.is_verified else "no"
    admin = "yes" if user.is_admin else "no"
    return user.user_id, user.email, verified, admin
