"""`python -m ops key make | list | revoke`: the API keys of a project."""

import argparse
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from ops.operating import EMULATOR, carry_out, firestore_of, own_credentials, table
from ops.users import BASE_URL, Users
from ops.webhooks import BASE_URL as SECRETS_URL
from ops.webhooks import sentence
from shared.domain.api_key import ApiKey
from shared.system import SystemClock
from shared.usecases.api_keys import KeyRing

HEADINGS = ("id", "name", "user", "made", "revoked")
ROLE = "roles/datastore.user and roles/firebaseauth.viewer"


def add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, dest="verb")
    making = commands.add_parser("make", help="a new key, shown only once")
    making.add_argument("user", help="the user that it acts as")
    making.add_argument("--name", default="key", help="what people call it")
    listing = commands.add_parser("list", help="all keys, the newest first")
    revoking = commands.add_parser("revoke", help="end a key, at once and for good")
    revoking.add_argument("named", metavar="ID", help="its id, or its name")
    for command in (making, listing, revoking):
        command.add_argument("--project", default="")


def run(
    asked: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    credentials: Callable[[str], Any] = own_credentials,
    base_url: str = BASE_URL,
    secrets_url: str = SECRETS_URL,
) -> int:
    """0, or 1 with one sentence on stderr; stdout holds the key or the table alone.

    `credentials`: those for a project whose quota is to be used.
    """

    def is_user(project: str) -> bool:
        """Whether it is a user of Firebase's, and not the name of a server."""
        if environ.get(EMULATOR):
            return False
        with Users(project, credentials(project), base_url=base_url) as users:
            return users.has(asked.user)

    def work(project: str) -> str:
        ring = _ring(project, environ)
        if asked.verb != "make":
            return _say(asked, ring)
        key, secret = _made(asked, ring, project, follows_user=is_user(project))
        print(
            sentence(
                key.key_id,
                project,
                environ,
                credentials=credentials,
                base_url=secrets_url,
            )
        )
        print("Both are shown only once, and can't be recovered.")
        return secret

    return carry_out(work, asked, environ, role=ROLE)


def _made(
    asked: argparse.Namespace, ring: KeyRing, project: str, *, follows_user: bool
) -> tuple[ApiKey, str]:
    key, secret = ring.make(asked.name, asked.user, follows_user=follows_user)
    print(f"Key {key.key_id} of user {key.user_id} in {project}.")
    if follows_user:
        print("It stops when this user is disabled or deleted.")
    return key, secret


def _say(asked: argparse.Namespace, ring: KeyRing) -> str:
    if asked.verb == "revoke":
        return table(HEADINGS, _row(ring.revoke(asked.named)))
    return table(HEADINGS, *(_row(key) for key in ring.list()))


def _ring(project: str, environ: Mapping[str, str]) -> KeyRing:
    from shared.gcp.firestore_calls import Database
    from shared.gcp.firestore_keys import FirestoreKeys

    client, _ = firestore_of(project, environ)
    return KeyRing(
        keys=FirestoreKeys(Database(client)),
        clock=SystemClock(),
        random_bytes=secrets.token_bytes,
    )


def _row(key: ApiKey) -> tuple[str, ...]:
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "-"
    made = f"{key.created_at:%Y-%m-%d %H:%M}"
    return key.key_id, key.name, key.user_id, made, revoked
