"""`python -m local key make | list | revoke`: the API keys of a project."""

import argparse
import secrets
from collections.abc import Mapping

from ops.operating import (
    carry_out,
    firestore_of,
    table,
)
from shared.domain.api_key import ApiKey
from shared.system import SystemClock
from shared.usecases.api_keys import KeyRing

HEADINGS = ("id", "name", "user", "made", "revoked")
ROLE = "roles/datastore.user"


def add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, dest="verb")
    making = commands.add_parser("make", help="a new key, shown this once")
    making.add_argument("user", help="the user that it acts as")
    making.add_argument("--name", default="key", help="what people call it")
    listing = commands.add_parser("list", help="all keys, the newest first")
    revoking = commands.add_parser("revoke", help="stop a key, at once and for good")
    revoking.add_argument("named", metavar="ID", help="its id, or its name")
    for command in (making, listing, revoking):
        command.add_argument("--project", default="")


def run(asked: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """0, or 1 with one sentence on stderr; stdout holds the key or the table alone."""

    def work(project: str) -> str:
        return _say(asked, _ring(project, environ), project)

    return carry_out(work, asked, environ, role=ROLE)


def _say(asked: argparse.Namespace, ring: KeyRing, project: str) -> str:
    match asked.verb:
        case "make":
            key, secret = ring.make(asked.name, asked.user)
            print(f"Key {key.key_id} of user {key.user_id} in {project}.")
            print("It is shown this once; what is kept can't bring it back.")
            return secret
        case "revoke":
            return table(HEADINGS, _row(ring.revoke(asked.named)))
        case _:
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
