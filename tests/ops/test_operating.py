"""What an operator's commands share: as whom they act, and what may be missing."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.oauth2.credentials import Credentials

from local import __main__ as local
from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from local.stack import PROJECT as LOCAL_PROJECT
from ops import __main__ as operators
from ops.operating import NO_PROJECT, carry_out, name_of, own_credentials, table
from ops.refusals import NO_CREDENTIALS, OFFLINE
from shared.domain.errors import Unreachable

ROLE = "roles/x.user"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ANN = LocalIdentity.generate("p")


def error_of(
    kind: type[exceptions.GoogleAPICallError], message: str = "", reason: str = ""
) -> exceptions.GoogleAPICallError:
    metadata = {"service": "firestore.googleapis.com"} if reason else {}
    info = {"reason": reason, "metadata": metadata} if reason else None
    return kind(message, error_info=info)


REFUSALS = {
    "API off": (
        error_of(exceptions.PermissionDenied, reason="SERVICE_DISABLED"),
        "firestore.googleapis.com is off in p: `gcloud services enable "
        "firestore.googleapis.com --project=p`.",
    ),
    "no such project": (
        error_of(exceptions.PermissionDenied, reason="CONSUMER_INVALID"),
        "There is no project p, or you may not use it",
    ),
    "not yours": (
        error_of(exceptions.Forbidden, reason="USER_PROJECT_DENIED"),
        "roles/serviceusage.serviceUsageConsumer.",
    ),
    "no permission": (
        error_of(exceptions.PermissionDenied, "Missing or insufficient permissions."),
        "You may not do this in p: check its name, or ask its owner for roles/x.user.",
    ),
    "no database": (error_of(exceptions.NotFound), "p has no database"),
    "no users": (
        error_of(exceptions.BadRequest, "POST u: CONFIGURATION_NOT_FOUND"),
        "p keeps no users",
    ),
    "token refused": (error_of(exceptions.Unauthenticated), NO_CREDENTIALS),
    "nobody there": (error_of(exceptions.ServiceUnavailable), OFFLINE),
    "too slow": (error_of(exceptions.DeadlineExceeded), OFFLINE),
    "something else": (error_of(exceptions.Aborted), "not do it in p: it broke."),
    "no word of Google's": (None, "Google did not do it in p: it broke."),
    "a login that ran out": (RefreshError("Reauthenticate"), NO_CREDENTIALS),
    "no network": (TransportError("no route"), OFFLINE),
}


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_logged_follows_the_answer_on_stderr(
    fails: bool, tmp_path: Path
) -> None:
    """Both into one file, as a terminal shows them."""

    def work(_: str) -> str:
        sys.stdout.write("logged\n")
        if fails:
            raise Unreachable("no")
        return "answer"

    asked = argparse.Namespace(project="p")
    seen = (tmp_path / "seen").open("w")
    with seen, redirect_stdout(seen), redirect_stderr(seen):
        carry_out(work, asked, {}, role=ROLE)

    lines = (tmp_path / "seen").read_text().splitlines()
    assert len(lines) == 2
    assert lines[1] == "logged"


def refused(error: Exception, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says whose work raised `error`."""

    def work(_: str) -> str:
        raise error

    asked = argparse.Namespace(project="p")
    assert carry_out(work, asked, {}, role=ROLE) == 1
    printed = capsys.readouterr()
    assert not printed.out
    return printed.err


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_each_refusal_is_one_sentence_with_what_to_do(
    case: tuple[Exception | None, str], capsys: pytest.CaptureFixture[str]
) -> None:
    cause, sentence = case
    error: Exception = Unreachable("it broke")
    error.__cause__ = cause
    if isinstance(cause, GoogleAuthError):
        error = cause

    said = refused(error, capsys)

    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("main", [operators.main, local.main], ids=["ops", "local"])
@pytest.mark.parametrize("command", ["key list", "generation show", "admin list"])
def test_both_programs_take_an_operators_commands(
    command: str,
    main: Callable[[Sequence[str]], int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "FIRESTORE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)

    assert main(command.split()) == 1
    assert capsys.readouterr().err == f"{NO_PROJECT}\n"


@pytest.mark.parametrize(
    ("environ", "project"),
    [
        ({"GOOGLE_CLOUD_PROJECT": "env"}, "env"),
        ({"FIRESTORE_EMULATOR_HOST": "h:1"}, LOCAL_PROJECT),
        ({}, None),
    ],
)
def test_a_project_is_named_or_the_local_one(
    environ: dict[str, str],
    project: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = argparse.Namespace(project="")

    code = carry_out(lambda name: name, asked, environ, role=ROLE)

    printed = capsys.readouterr()
    expected = (0, f"{project}\n", "") if project else (1, "", f"{NO_PROJECT}\n")
    assert (code, printed.out, printed.err) == expected


def person(email: str) -> Credentials:
    """A person's credentials, as they are after `gcloud auth application-default`."""
    token = ANN.id_token(email=email, audience="a", now=NOW)
    return Credentials(token="t", id_token=token)


@pytest.mark.parametrize(
    ("credentials", "name"),
    [
        pytest.param(SimpleNamespace(service_account_email="a@p"), "a@p", id="service"),
        pytest.param(Credentials(token="t", account="b@p"), "b@p", id="account"),
        pytest.param(Credentials(token="t"), "os:me", id="unknown"),
        pytest.param(None, "os:me", id="emulator"),
    ],
)
def test_an_operator_is_called_by_e_mail_else_by_login_name(
    credentials: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "me")

    assert name_of(credentials) == name


def test_a_person_is_called_what_google_calls_them() -> None:
    assert name_of(person("ann@example.com")) == "ann@example.com"


def test_credentials_are_fresh_and_name_whose_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.json"
    with IdentityServer(ANN) as google:
        ANN.write_service_account_file(file, account="op", token_uri=google.token_uri)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

        credentials = own_credentials("p")

    assert credentials.valid
    assert credentials.quota_project_id == "p"
    assert name_of(credentials) == "op@p.iam.gserviceaccount.com"


def test_a_table_says_nothing_that_a_terminal_would_obey() -> None:
    lines = table(("a", "b"), ("long\x1b[2J\n", "c")).splitlines()

    assert lines == ["a          b", "long [2J   c"]
