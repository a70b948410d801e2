"""What the operator's commands share: the project, the credentials, the output."""

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import structlog
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError, TransportError

from ops.refusals import NO_CREDENTIALS, OFFLINE, refusal
from shared import logs
from shared.domain.errors import (
    BadContent,
    Conflict,
    NotConfigured,
    NotFound,
    Unreachable,
)

if TYPE_CHECKING:
    from google.cloud import firestore

EMULATOR = "FIRESTORE_EMULATOR_HOST"
# The project of the local stack.
EMULATOR_PROJECT = "demo-reelay"
NO_PROJECT = (
    "Name the project: --project, or GOOGLE_CLOUD_PROJECT. For the local stack, set "
    f"{EMULATOR} to the address of the emulator that `make dev` shows."
)
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def carry_out(
    work: Callable[[str], str],
    asked: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    role: str,
) -> int:
    """0, or 1 with one sentence on stderr; stdout holds only what `work` returns.

    `work` takes the project. `role`: the role that the account needs for it. What is
    logged meanwhile goes to stderr once the answer is given.
    """
    logged = StringIO()
    try:
        with redirect_stdout(logged):
            code, said = _carried_out(work, asked, environ, role=role)
        print(said, file=sys.stderr if code else sys.stdout, flush=True)
    finally:
        sys.stderr.write(logged.getvalue())
    return code


def _carried_out(
    work: Callable[[str], str],
    asked: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    role: str,
) -> tuple[int, str]:
    """The exit code, and the answer or why there is none."""
    project = asked.project or environ.get("GOOGLE_CLOUD_PROJECT", "")
    if not project and environ.get(EMULATOR):
        project = EMULATOR_PROJECT
    if not project:
        return 1, NO_PROJECT
    try:
        return 0, work(project)
    except Unreachable as error:
        return 1, refusal(error, project=project, role=role)
    except (BadContent, Conflict, NotConfigured, NotFound) as error:
        return 1, str(error)
    except TransportError:
        return 1, OFFLINE
    except GoogleAuthError:
        return 1, NO_CREDENTIALS


def log_to_stderr() -> None:
    """stdout is for answers. A person at a terminal reads those, and warnings only."""
    with redirect_stdout(sys.stderr):
        logs.configure()
    if sys.stderr.isatty():
        level = structlog.make_filtering_bound_logger(logging.WARNING)
        structlog.configure(wrapper_class=level)


def firestore_of(
    project: str, environ: Mapping[str, str]
) -> tuple["firestore.Client", str]:
    """The project's Firestore, or the emulator's, and the name of our account."""
    from google.cloud import firestore

    if host := environ.get(EMULATOR):
        # The client reads only this, and the value may come from `.env`.
        os.environ[EMULATOR] = host
        return firestore.Client(project=project), name_of(None)
    credentials = own_credentials()
    client = firestore.Client(project=project, credentials=credentials)
    return client, name_of(credentials)


def own_credentials(quota_project: str | None = None) -> Any:
    """Application default credentials with a fresh token. Raises GoogleAuthError.

    `quota_project`: the project whose quota is used, instead of their own.
    """
    import google.auth
    from google.auth.transport.requests import Request

    credentials, _ = google.auth.default(SCOPES, quota_project_id=quota_project)
    # Otherwise gRPC fetches a token, and reports an expired login as "unavailable".
    credentials.refresh(Request())
    return credentials


def name_of(credentials: Any) -> str:
    """The account's e-mail if its credentials have one, else `os:` and the login name.

    A person's e-mail is in the ID token that comes with each access token, because
    `gcloud auth application-default login` asks for it.
    """
    if email := getattr(credentials, "service_account_email", None):
        return str(email)
    if id_token := getattr(credentials, "id_token", None):
        # It has just come from Google itself, so its signature needs no check.
        claims = jwt.decode(id_token, verify=False)
        if email := claims.get("email"):
            return str(email)
    return str(getattr(credentials, "account", "") or _login_name())


def table(*rows: Sequence[str]) -> str:
    """Columns as wide as their widest cell, without control characters."""
    shown = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in shown
    )
    return "\n".join(line.rstrip() for line in lines)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _login_name() -> str:
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container's user may have no name.
        return f"os:{os.getuid()}"
