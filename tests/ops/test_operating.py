"""What all operator commands share: project, credentials, output and errors."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.oauth2.credentials import Credentials

from local import __main__ as local
from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from local.stack import PROJECT as LOCAL_PROJECT
from ops import __main__ as operators
from ops import environment, operating
from ops.operating import (
    INTERRUPTED,
    NO_PROJECT,
    account_name,
    own_credentials,
    run_command,
    table,
)
from ops.refusals import NO_CREDENTIALS, OFFLINE, WRONG_CREDENTIALS
from shared.domain.errors import Unreachable

ROLE = "roles/x.user"
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
    "something else": (error_of(exceptions.Aborted), "failed in p: it broke."),
    "no word of Google's": (None, "The request failed in p: it broke."),
    "a login that ran out": (RefreshError("Reauthenticate"), NO_CREDENTIALS),
    "no network": (TransportError("no route"), OFFLINE),
}


@pytest.mark.parametrize("fails", [False, True])
def test_log_lines_follow_the_answer_on_stderr(fails: bool, tmp_path: Path) -> None:
    """Both streams go into one file, in a terminal's order."""

    def work(_: str) -> str:
        sys.stdout.write("logged\n")
        if fails:
            raise Unreachable("no")
        return "answer"

    args = argparse.Namespace(project="p")
    seen = (tmp_path / "seen").open("w")
    with seen, redirect_stdout(seen), redirect_stderr(seen):
        run_command(work, args, {}, role=ROLE)

    lines = (tmp_path / "seen").read_text().splitlines()
    assert len(lines) == 2
    assert lines[1] == "logged"


def refused(error: Exception, capsys: pytest.CaptureFixture[str]) -> str:
    """The output of a command whose work raised `error`."""

    def work(_: str) -> str:
        raise error

    args = argparse.Namespace(project="p")
    assert run_command(work, args, {}, role=ROLE) == 1
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


def test_a_file_of_credentials_that_fails_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It takes precedence over the login that the other sentence asks for."""

    def work(_: str) -> str:
        raise GoogleAuthError

    args = argparse.Namespace(project="p")
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": "gone.json"}

    assert run_command(work, args, environ, role=ROLE) == 1
    assert capsys.readouterr().err == f"{WRONG_CREDENTIALS}\n"


def test_ctrl_c_says_that_a_change_may_have_been_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(_: str) -> str:
        sys.stdout.write("Key k1 of user u.\n")
        raise KeyboardInterrupt

    assert run_command(work, argparse.Namespace(project="p"), {}, role=ROLE) == 130

    out, err = capsys.readouterr()
    assert not out
    assert err == f"{INTERRUPTED}\nKey k1 of user u.\n"


def test_a_terminal_without_utf_8_shows_the_result_with_escapes() -> None:
    shown = TextIOWrapper(BytesIO(), encoding="euc-kr")

    with redirect_stdout(shown):
        code = run_command(
            lambda _: "고양이 🎬", argparse.Namespace(project="p"), {}, role=ROLE
        )

    assert code == 0
    shown.seek(0)
    assert shown.read() == "고양이 \\U0001f3ac\n"


@pytest.mark.parametrize("main", [operators.main, local.main], ids=["ops", "local"])
@pytest.mark.parametrize("command", ["key list", "generation show", "admin list"])
def test_both_programs_accept_the_operator_commands(
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
    ("named", "environ", "project"),
    [
        ("named", {"GOOGLE_CLOUD_PROJECT": "env"}, "named"),
        ("", {"GOOGLE_CLOUD_PROJECT": "env"}, "env"),
        ("", {"FIRESTORE_EMULATOR_HOST": "h:1"}, LOCAL_PROJECT),
    ],
)
def test_the_project_is_the_named_one_or_the_local_stacks(
    named: str,
    environ: dict[str, str],
    project: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = argparse.Namespace(project=named)

    assert run_command(lambda name: name, args, environ, role=ROLE) == 0

    assert capsys.readouterr() == (f"{project}\n", "")


@pytest.mark.parametrize(
    ("named", "code"), [("my-project", 1), ("demo-reelay", 0), ("", 0)]
)
def test_an_emulator_is_never_used_for_a_named_project(
    named: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else spending would be reported as stopped although nothing was."""
    args = argparse.Namespace(project=named)
    environ = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8702"}

    assert run_command(lambda name: name, args, environ, role=ROLE) == code

    out, err = capsys.readouterr()
    assert bool(out) is (code == 0)
    assert ("127.0.0.1:8702" in err) is (code == 1)


# As after `gcloud auth application-default login`.
OF_A_PERSON = Credentials(
    token="t", id_token=ANN.id_token(email="ann@x.org", audience="a")
)


@pytest.mark.parametrize(
    ("credentials", "name"),
    [
        pytest.param(SimpleNamespace(service_account_email="a@p"), "a@p", id="service"),
        pytest.param(Credentials(token="t", account="b@p"), "b@p", id="account"),
        pytest.param(OF_A_PERSON, "ann@x.org", id="person"),
        pytest.param(Credentials(token="t"), "os:me", id="unknown"),
        pytest.param(None, "os:me", id="emulator"),
    ],
)
def test_an_operator_is_identified_by_email_or_login_name(
    credentials: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "me")

    assert account_name(credentials) == name


def test_credentials_are_refreshed_and_name_the_quota_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.json"
    with IdentityServer(ANN) as google:
        ANN.write_service_account_file(file, account="op", token_uri=google.token_uri)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

        credentials = own_credentials("p")

    assert credentials.valid
    assert credentials.quota_project_id == "p"
    assert account_name(credentials) == "op@p.iam.gserviceaccount.com"


def test_a_command_works_on_the_named_projects_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not on the one that gcloud's login or the environment names."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")
    monkeypatch.setattr(operating, "own_credentials", AnonymousCredentials)

    database, _ = operating.database_of("my-project", {})

    assert database.document("a", "b")._document_path.startswith("projects/my-project/")


def test_the_environment_overrides_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("RUNWAY_API_KEY=old\nGEMINI_API_KEY=a$HOME\nBARE\n")
    monkeypatch.setattr(environment, "ENV_FILE", tmp_path / ".env")
    monkeypatch.setenv("RUNWAY_API_KEY", "new")

    found = environment.environment()

    assert (found["RUNWAY_API_KEY"], found["GEMINI_API_KEY"]) == ("new", "a$HOME")
    assert "BARE" not in found


def test_a_table_contains_no_terminal_control_sequences() -> None:
    lines = table(("a", "b"), ("long\x1b[2J\n", "c")).splitlines()

    assert lines == ["a          b", "long [2J   c"]
