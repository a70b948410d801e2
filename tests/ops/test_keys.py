"""`python -m local key` on the real emulator: what it says, and where."""

import re
import sys
from base64 import b64encode

import pytest
import structlog
from google.cloud import firestore
from google.oauth2.credentials import Credentials
from werkzeug import Request, Response

from local.__main__ import main
from local.http_server import HttpServer, WsgiApp, as_json, routed
from local.identity import LocalIdentity
from local.stack import PROJECT
from ops import webhooks
from ops.deploy.keys import SECRETS
from shared.domain.api_key import is_secret, sha256_of
from shared.domain.webhook import webhook_secret
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_keys import FirestoreKeys

NAME = SECRETS[webhooks.SIGNING_SECRET]


@pytest.fixture
def project(firestore_client: firestore.Client, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty project, which the environment names."""
    name = str(firestore_client.project)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", name)
    return name


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """What a command that went well printed on stdout and on stderr."""
    capsys.readouterr()
    assert main(["key", *arguments]) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_only_the_new_key_is_printed(
    project: str, capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    out, err = said(capsys, "make", "me", "--name", "laptop")

    secret = out.removesuffix("\n")
    assert is_secret(secret)
    assert secret not in err
    found = FirestoreKeys(database).find(sha256_of(secret))
    assert found and (found.user_id, found.name) == ("me", "laptop")
    assert found.key_id in err and project in err
    assert found.sha256 not in err


@pytest.mark.parametrize("is_terminal", [True, False])
def test_at_a_terminal_only_sentences_are_printed(
    is_terminal: bool,
    project: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    before = structlog.get_config()
    try:
        _, err = said(capsys, "make", "me")
    finally:
        structlog.configure(**before)

    assert ("key_made" in err) is not is_terminal
    assert err.startswith("Key ") is is_terminal


def test_the_webhook_secret_is_shown_beside_the_key_and_is_the_local_stacks(
    project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, "make", "me")

    signing_secret = LocalIdentity.of_checkout(PROJECT).signing_secret
    key_id = sha256_of(out.removesuffix("\n"))[:12]
    assert f"signed with {webhook_secret(signing_secret, key_id)}\n" in err
    assert "whsec_" not in said(capsys, "list")[0]


class SecretManager:
    """One secret's latest version, or a refusal."""

    def __init__(self, kept: str | None) -> None:
        self.kept = kept

    def app(self) -> WsgiApp:
        path = f"/v1/projects/p/secrets/{NAME}/versions/latest:access"
        return routed({("GET", path): self._access})

    def _access(self, request: Request) -> Response:
        assert request.headers["Authorization"] == "Bearer ours"
        if self.kept is None:
            return Response(status=403)
        data = b64encode(f"{self.kept}\n".encode()).decode()
        return as_json({"payload": {"data": data}})


@pytest.mark.parametrize("kept", ["the projects own signing secret", "unset", None])
def test_a_projects_signing_secret_is_read_where_it_may_be(kept: str | None) -> None:
    with HttpServer(SecretManager(kept).app()) as server:
        said = webhooks.sentence(
            "0123456789ab",
            "p",
            {},
            credentials=lambda _: Credentials(token="ours"),
            base_url=server.url,
        )

    if kept and kept != "unset":
        assert said.endswith(webhook_secret(kept, "0123456789ab"))
    else:
        assert "can't be shown" in said


def test_keys_are_listed_and_revoked(
    project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = said(capsys, "make", "me", "--name", "laptop")[0].strip()
    key_id = sha256_of(secret)[:12]

    headings, row = said(capsys, "list")[0].splitlines()
    assert headings.split() == ["id", "name", "user", "made", "revoked"]
    assert re.fullmatch(rf"{key_id}  laptop  me    [-\d]+ [:\d]+  -", row)

    revoked = said(capsys, "revoke", key_id)[0].splitlines()[1]
    assert re.fullmatch(
        rf"{key_id}  laptop  me    [-\d]+ [:\d]+  [-\d]+ [:\d]+", revoked
    )
    assert said(capsys, "list")[0].splitlines()[1] == revoked


def test_another_project_is_named_on_the_line(
    project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "make", "me", "--project", f"{project}-b")

    assert len(said(capsys, "list")[0].splitlines()) == 1
    assert len(said(capsys, "list", "--project", f"{project}-b")[0].splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("make", "a/b"), "A user id is 1 to 128 characters without a slash."),
        (
            ("make", "me", "--name", ""),
            "A key's name is 1 to 100 printable characters.",
        ),
        (("revoke", "nothing"), "There is no key 'nothing'."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    project: str,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    assert main(["key", *arguments]) == 1

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{sentence}\n")
