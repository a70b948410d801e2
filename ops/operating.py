"""What the operator's commands have in common: project, credentials and output."""

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import structlog
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError, TransportError

from ops.refusals import NO_CREDENTIALS, OFFLINE, WRONG_CREDENTIALS, refusal
from shared import logs
from shared.domain.errors import (
    BadContent,
    Conflict,
    NotConfigured,
    NotFound,
    Unreachable,
)

if TYPE_CHECKING:
    from shared.gcp.firestore_calls import Database

EMULATOR = "FIRESTORE_EMULATOR_HOST"
# The project of the local stack.
EMULATOR_PROJECT = "demo-reelay"
NO_PROJECT = (
    "Name the project: --project, or GOOGLE_CLOUD_PROJECT. For the local stack, set "
    f"{EMULATOR} to the address of the emulator that `make dev` shows."
)
IN_EMULATOR = (
    "FIRESTORE_EMULATOR_HOST is set, so the emulator at {host} would be meant, and not "
    "{project} in the cloud: unset it first. For the local stack, leave out --project."
)
INTERRUPTED = (
    "Interrupted. A change may have been made all the same: look with `generation "
    "show`, `key list` or `admin list`."
)
CREDENTIALS_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def run_command(
    work: Callable[[str], str],
    args: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    role: str,
) -> int:
    """Print what `work(project)` returns, and return the exit code.

    If it fails, return 1 and print one sentence to stderr, which names `role`, the IAM
    role that `work` needs, if that may be missing. stdout holds nothing but the result:
    what `work` prints and logs goes to stderr afterwards, in this order.
    """
    printed, logged = StringIO(), StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(logged):
            code, text = _outcome(work, args, environ, role=role)
        stream = sys.stderr if code else sys.stdout
        print(encodable(text, stream.encoding), file=stream, flush=True)
    finally:
        sys.stderr.write(printed.getvalue() + logged.getvalue())
    return code


def _outcome(
    work: Callable[[str], str],
    args: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    role: str,
) -> tuple[int, str]:
    """The exit code, and the result of `work` or the reason why it failed."""
    project = args.project or environ.get("GOOGLE_CLOUD_PROJECT", "")
    if host := environ.get(EMULATOR):
        # By Firebase's convention, a project named `demo-…` is only in the emulator.
        if args.project and not args.project.startswith("demo-"):
            return 1, IN_EMULATOR.format(host=host, project=project)
        project = project or EMULATOR_PROJECT
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
        return 1, WRONG_CREDENTIALS if environ.get(CREDENTIALS_FILE) else NO_CREDENTIALS
    except KeyboardInterrupt:
        return 130, INTERRUPTED


def encodable(text: str, encoding: str | None = None) -> str:
    """`text` with escapes for what the encoding, UTF-8 by default, can't represent."""
    encoding = encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def place_of(project: str, environ: Mapping[str, str]) -> str:
    """Where a command acts: the project, and the emulator if it is in one."""
    host = environ.get(EMULATOR)
    return f"{project}, in the emulator at {host}" if host else project


def log_to_stderr() -> None:
    """Log to stderr, because stdout is for results; at a terminal, only warnings."""
    logs.configure(logs.STDERR)
    if sys.stderr.isatty():
        level = structlog.make_filtering_bound_logger(logging.WARNING)
        structlog.configure(wrapper_class=level)


def database_of(project: str, environ: Mapping[str, str]) -> tuple["Database", str]:
    """The project's Firestore, or the emulator, and the operator's account name."""
    from google.cloud import firestore

    from shared.gcp.firestore_calls import Database

    if host := environ.get(EMULATOR):
        # The client reads only os.environ, and the value may come from `.env`.
        os.environ[EMULATOR] = host
        return Database(firestore.Client(project=project)), account_name(None)
    credentials = own_credentials()
    client = firestore.Client(project=project, credentials=credentials)
    return Database(client), account_name(credentials)


def own_credentials(quota_project: str | None = None) -> Any:
    """Application default credentials with a fresh token. Raises GoogleAuthError.

    `quota_project`: overrides the quota project that they name themselves.
    """
    import google.auth
    from google.auth.transport.requests import Request

    credentials, _ = google.auth.default(SCOPES, quota_project_id=quota_project)
    # If gRPC fetched the token, it would report an expired login as "unavailable".
    credentials.refresh(Request())
    return credentials


def account_name(credentials: Any) -> str:
    """The account's e-mail if its credentials have one, else `os:` and the login name.

    A person's e-mail is in the ID token that comes with each access token, because
    `gcloud auth application-default login` asks for it.
    """
    if email := getattr(credentials, "service_account_email", None):
        return str(email)
    if id_token := getattr(credentials, "id_token", None):
        # It has just come from Google, so its signature needs no check.
        claims = jwt.decode(id_token, verify=False)
        if email := claims.get("email"):
            return str(email)
    return str(getattr(credentials, "account", "") or _login_name())


def table(*rows: Sequence[str]) -> str:
    """Rows in aligned columns, with control characters replaced by spaces."""
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
        # A container's user may have no entry in the password database.
        return f"os:{os.getuid()}"
