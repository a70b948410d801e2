"""`python -m local key make | list | revoke`: the API keys of a project."""

import argparse
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout

from google.auth.exceptions import GoogleAuthError

from local.stack import PROJECT
from shared.domain.api_key import ApiKey
from shared.domain.errors import (
    BadContent,
    Conflict,
    NotConfigured,
    NotFound,
    Unreachable,
)
from shared.system import SystemClock
from shared.usecases.api_keys import KeyRing

EMULATOR = "FIRESTORE_EMULATOR_HOST"
HEADINGS = ("id", "name", "user", "made", "revoked")
NO_PROJECT = "Name the project: --project, or GOOGLE_CLOUD_PROJECT."
UNREACHABLE = "Firestore did not do it: check the project, your role and the network"
NO_CREDENTIALS = (
    "Google does not know you: run `gcloud auth application-default login`, or name "
    f"the emulator in {EMULATOR}."
)


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
    try:
        project = _project(asked.project, environ)
        said = _say(asked, _ring(project, environ), project)
    except Unreachable as error:
        return _fail(f"{UNREACHABLE} ({error}).")
    except (BadContent, Conflict, NotConfigured, NotFound) as error:
        return _fail(str(error))
    except GoogleAuthError:
        return _fail(NO_CREDENTIALS)
    print(said)
    return 0


def _say(asked: argparse.Namespace, ring: KeyRing, project: str) -> str:
    # Logs go to stdout, which is for the answer here.
    with redirect_stdout(sys.stderr):
        match asked.verb:
            case "make":
                key, secret = ring.make(asked.name, asked.user)
                print(f"Key {key.key_id} of user {key.user_id} in {project}.")
                print("It is shown this once; what is kept can't bring it back.")
                return secret
            case "revoke":
                return _table([ring.revoke(asked.named)])
            case _:
                return _table(ring.list())


def _project(asked: str, environ: Mapping[str, str]) -> str:
    project = asked or environ.get("GOOGLE_CLOUD_PROJECT", "")
    if project:
        return project
    if environ.get(EMULATOR):
        return PROJECT
    raise NotConfigured(NO_PROJECT)


def _ring(project: str, environ: Mapping[str, str]) -> KeyRing:
    from google.cloud import firestore

    from shared.gcp.firestore_keys import FirestoreKeys

    if host := environ.get(EMULATOR):
        # The client looks there alone, and `.env` may have named it.
        os.environ[EMULATOR] = host
    return KeyRing(
        keys=FirestoreKeys(firestore.Client(project=project)),
        clock=SystemClock(),
        random_bytes=secrets.token_bytes,
    )


def _table(keys: Sequence[ApiKey]) -> str:
    rows = [HEADINGS, *(_row(key) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _row(key: ApiKey) -> tuple[str, ...]:
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "-"
    made = f"{key.created_at:%Y-%m-%d %H:%M}"
    return key.key_id, key.name, key.user_id, made, revoked


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
