"""`python -m ops key make | list | revoke`: the API keys of a project."""

import argparse
import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from ops.operating import (
    EMULATOR,
    database_of,
    own_credentials,
    place_of,
    run_command,
    table,
)
from ops.users import BASE_URL, Users
from ops.webhooks import BASE_URL as SECRETS_URL
from ops.webhooks import webhook_secret_notice
from shared.domain.api_key import ApiKey
from shared.system import SystemClock
from shared.usecases.api_keys import KeyRing

HEADINGS = ("id", "name", "user", "made", "revoked")
ROLE = "roles/datastore.user and roles/firebaseauth.viewer"


def add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, dest="verb")
    making = commands.add_parser(
        "make", help="make a new key, which is shown only once"
    )
    making.add_argument("user", help="the user that the key acts as")
    making.add_argument("--name", default="key", help="a name for the key")
    listing = commands.add_parser("list", help="list all keys, newest first")
    revoking = commands.add_parser(
        "revoke", help="revoke a key, immediately and permanently"
    )
    revoking.add_argument(
        "named", metavar="ID", help="the key's id or name, or the key itself"
    )
    for command in (making, listing, revoking):
        command.add_argument("--project", default="")


def run(
    args: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    credentials: Callable[[str], Any] = own_credentials,
    base_url: str = BASE_URL,
    secrets_url: str = SECRETS_URL,
) -> int:
    """Return the exit code: 0, or 1 with one sentence on stderr.

    stdout holds nothing but the key or the table. `credentials(project)`: the
    operator's own, with that project as quota project.
    """

    def is_user(project: str) -> bool:
        """Whether the key acts as a Firebase user, and not as a server."""
        if environ.get(EMULATOR):
            return False
        own = credentials(project)
        with closing(Users(project, own, base_url=base_url)) as users:
            return users.has(args.user)

    def work(project: str) -> str:
        ring = _ring(project, environ)
        if args.verb != "make":
            return _list_or_revoke(args, ring)
        place = place_of(project, environ)
        key, secret = _make(args, ring, place, follows_user=is_user(project))
        notice = webhook_secret_notice(
            key.key_id, project, environ, credentials=credentials, base_url=secrets_url
        )
        print(notice)
        print("What is shown here is shown only once, and can't be recovered.")
        return secret

    return run_command(work, args, environ, role=ROLE)


def _make(
    args: argparse.Namespace, ring: KeyRing, place: str, *, follows_user: bool
) -> tuple[ApiKey, str]:
    key, secret = ring.create(args.name, args.user, follows_user=follows_user)
    print(f"Key {key.key_id} of user {key.user_id} in {place}.")
    if follows_user:
        print("It stops when this user is disabled or deleted.")
    return key, secret


def _list_or_revoke(args: argparse.Namespace, ring: KeyRing) -> str:
    if args.verb == "revoke":
        return table(HEADINGS, _row(ring.revoke(args.named)))
    return table(HEADINGS, *(_row(key) for key in ring.list()))


def _ring(project: str, environ: Mapping[str, str]) -> KeyRing:
    from shared.gcp.firestore_keys import FirestoreKeys

    database, _ = database_of(project, environ)
    return KeyRing(
        keys=FirestoreKeys(database),
        clock=SystemClock(),
        random_bytes=secrets.token_bytes,
    )


def _row(key: ApiKey) -> tuple[str, ...]:
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "-"
    made = f"{key.created_at:%Y-%m-%d %H:%M}"
    return key.key_id, key.name, key.user_id, made, revoked
