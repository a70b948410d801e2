"""`python -m local key` on the emulator: its output on stdout and stderr."""

import json
import re
import sys
from base64 import b64encode

import pytest
import structlog
from google.cloud import firestore
from google.oauth2.credentials import Credentials
from werkzeug import Request, Response

from local.__main__ import main
from local.http_server import HttpServer, as_json, routed
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
    """An empty project, to which the environment points."""
    name = str(firestore_client.project)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", name)
    return name


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """Run a command that succeeds; returns its stdout and stderr."""
    capsys.readouterr()
    assert main(["key", *arguments]) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_only_the_new_key_is_printed(
    project: str, capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    out, err = output_of(capsys, "make", "me", "--name", "laptop")

    secret = out.removesuffix("\n")
    assert is_secret(secret)
    assert secret not in err
    found = FirestoreKeys(database).find(sha256_of(secret))
    assert found and (found.user_id, found.name) == ("me", "laptop")
    assert found.key_id in err and project in err
    assert found.sha256 not in err
    assert output_of(capsys, "make", "me")[0] != out


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
        _, err = output_of(capsys, "make", "me")
    finally:
        structlog.configure(**before)

    key, webhook, once, *logged = err.splitlines()
    assert key.startswith("Key ") and "whsec_" in webhook and "only once" in once
    assert [json.loads(line)["message"] for line in logged] == (
        [] if is_terminal else ["key_created"]
    )


def test_the_webhook_secret_is_printed_with_the_key_and_is_the_local_stacks(
    project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = output_of(capsys, "make", "me")

    signing_secret = LocalIdentity.of_checkout(PROJECT).signing_secret
    key_id = sha256_of(out.removesuffix("\n"))[:12]
    assert f"signed with {webhook_secret(signing_secret, key_id)}\n" in err
    assert "whsec_" not in output_of(capsys, "list")[0]


@pytest.mark.parametrize("kept", ["the projects own signing secret", "unset", None])
def test_a_projects_signing_secret_is_read_if_permitted(kept: str | None) -> None:
    def access(request: Request) -> Response:
        assert request.headers["Authorization"] == "Bearer ours"
        if kept is None:
            return Response(status=403)
        data = b64encode(f"{kept}\n".encode()).decode()
        return as_json({"payload": {"data": data}})

    path = f"/v1/projects/p/secrets/{NAME}/versions/latest:access"
    ours = Credentials(token="ours")
    with HttpServer(routed({("GET", path): access})) as server:
        output_of = webhooks.webhook_secret_notice(
            "0123456789ab", "p", {}, credentials=lambda _: ours, base_url=server.url
        )

    if kept and kept != "unset":
        assert output_of.endswith(webhook_secret(kept, "0123456789ab"))
    else:
        assert "can't be shown" in output_of


def test_a_signing_secret_of_the_environment_overrides_the_projects() -> None:
    """As the functions would use it, whatever the project has."""
    given = "a signing secret of the environment"

    notice = webhooks.webhook_secret_notice(
        "k", "p", {webhooks.SIGNING_SECRET: given}, credentials=pytest.fail
    )

    assert notice.endswith(webhook_secret(given, "k"))


def test_keys_are_listed_and_revoked(
    project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = output_of(capsys, "make", "me", "--name", "laptop")[0].strip()
    key_id = sha256_of(secret)[:12]

    headings, row = output_of(capsys, "list")[0].splitlines()
    assert headings.split() == ["id", "name", "user", "made", "revoked"]
    assert re.fullmatch(rf"{key_id}  laptop  me    [-\d]+ [:\d]+  -", row)

    revoked = output_of(capsys, "revoke", key_id)[0].splitlines()[1]
    assert re.fullmatch(
        rf"{key_id}  laptop  me    [-\d]+ [:\d]+  [-\d]+ [:\d]+", revoked
    )
    assert output_of(capsys, "list")[0].splitlines()[1] == revoked


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
def test_a_command_that_cannot_be_done_says_why_in_one_sentence(
    project: str,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    assert main(["key", *arguments]) == 1

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{sentence}\n")
