"""`python -m local admin`, against a server that speaks Identity Toolkit's REST."""

import argparse
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from structlog.testing import capture_logs
from werkzeug import Request, Response

from local.__main__ import main
from local.http_server import HttpServer, View, as_json, routed
from ops import admins, keys
from ops.admins import ADDED, LOCAL_ADMINS, REMOVED, UNVERIFIED
from ops.operating import EMULATOR
from shared.usecases.api_keys import KeyRing
from tests.fakes.clock import FrozenClock
from tests.fakes.keys import FakeKeys

PROJECT = "my-project"
KIND = "identitytoolkit#GetAccountInfoResponse"
PATH = f"/v1/projects/{PROJECT}/accounts"


class IdentityToolkit:
    """Users by ID, and a record of calls; a `refusal` (status, error) answers all."""

    def __init__(self) -> None:
        self.url = "http://127.0.0.1:1"
        self.users: dict[str, dict[str, Any]] = {}
        self.updates: list[Any] = []
        self.refusal: tuple[int, dict[str, Any]] | None = None

    def app(self) -> Any:
        """The app; with a refusal set, every call answers it."""
        views = {
            ("POST", "lookup"): self._lookup,
            ("POST", "update"): self._update,
            ("GET", "batchGet"): self._batch_get,
        }

        def looked(view: Callable[[Request], object]) -> View:
            return lambda request: self._look(request) or as_json(view(request))

        return routed(
            {(m, f"{PATH}:{v}"): looked(view) for (m, v), view in views.items()}
        )

    def run(self, *arguments: str) -> int:
        """Run the command; returns its exit code."""
        parser = argparse.ArgumentParser()
        admins.add_commands(parser)
        args = parser.parse_args([*arguments, "--project", PROJECT])
        return admins.run(args, {}, credentials=operator, base_url=self.url)

    def add(self, user_id: str, claims: str = "", **fields: object) -> None:
        kept = {"customAttributes": claims} if claims else {}
        email = f"{user_id}@example.com"
        self.users[user_id] = {"localId": user_id, "email": email, **kept, **fields}

    def claims(self, user_id: str) -> Any:
        return json.loads(self.users[user_id]["customAttributes"])

    def _look(self, request: Request) -> Response | None:
        # The operator's own token, with the project's quota.
        assert request.headers["Authorization"] == "Bearer mine"
        assert request.headers["x-goog-user-project"] == PROJECT
        if self.refusal is None:
            return None
        status, error = self.refusal
        return as_json({"error": {"code": status, **error}}, status=status)

    def _lookup(self, request: Request) -> object:
        ((field, wanted),) = request.get_json().items()
        found = [user for user in self.users.values() if user[field] in wanted]
        return {"kind": KIND, **({"users": found} if found else {})}

    def _update(self, request: Request) -> object:
        body = request.get_json()
        self.updates.append(body)
        self.users[body["localId"]].update(body)
        return {"localId": body["localId"]}

    def _batch_get(self, request: Request) -> object:
        """One user per page, as if `maxResults` were 1."""
        ids = [*self.users, ""]
        at = ids.index(request.args.get("nextPageToken", ids[0]))
        page = {"users": [self.users[ids[at]]]} if ids[at] else {}
        following = ids[at + 1] if ids[at] else ""
        return page | ({"nextPageToken": following} if following else {})


@pytest.fixture
def toolkit() -> Iterator[IdentityToolkit]:
    served = IdentityToolkit()
    with HttpServer(served.app()) as server:
        served.url = server.url
        yield served


def operator(project: str) -> Credentials:
    return Credentials(token="mine", quota_project_id=project, account="op@x.org")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> KeyRing:
    ring = KeyRing(keys=FakeKeys(), clock=FrozenClock(), random_bytes=bytes)
    monkeypatch.setattr(keys, "_ring", lambda *_: ring)
    return ring


NO_USERS = {"message": "CONFIGURATION_NOT_FOUND"}  # deployed with enable_web=false


@pytest.mark.parametrize(
    ("user", "refusal", "follows"),
    [("ann", None, True), ("backend", None, False), ("ann", (400, NO_USERS), False)],
    ids=["a user", "another name", "a project without users"],
)
def test_a_key_follows_its_user_if_there_is_one(
    toolkit: IdentityToolkit,
    capsys: pytest.CaptureFixture[str],
    ring: KeyRing,
    user: str,
    refusal: tuple[int, dict[str, Any]] | None,
    follows: bool,
) -> None:
    toolkit.add("ann")
    toolkit.refusal = refusal

    assert make_key(toolkit, user) == 0

    (key,) = ring.list()
    assert key.follows_user is follows
    assert ("disabled or deleted" in capsys.readouterr().err) is follows


def test_no_key_is_made_if_its_user_cannot_be_looked_up(
    toolkit: IdentityToolkit, ring: KeyRing
) -> None:
    """It would go on working when the user is disabled."""
    toolkit.refusal = (403, {"message": "no"})

    assert make_key(toolkit, "ann") == 1

    assert list(ring.list()) == []


def make_key(toolkit: IdentityToolkit, user: str) -> int:
    """Run `key make`; returns its exit code."""
    parser = argparse.ArgumentParser()
    keys.add_commands(parser)
    args = parser.parse_args(["make", user, "--project", PROJECT])
    urls = {"base_url": toolkit.url, "secrets_url": toolkit.url}
    return keys.run(args, {}, credentials=operator, **urls)


def test_a_new_administrator_keeps_every_other_claim(
    toolkit: IdentityToolkit, capsys: pytest.CaptureFixture[str]
) -> None:
    toolkit.add("ann", '{"plan": "gold"}', emailVerified=True)

    assert toolkit.run("add", "ann@example.com") == 0

    assert toolkit.claims("ann") == {"plan": "gold", "admin": True}
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split() == [
        "ann",
        "ann@example.com",
        "yes",
        "yes",
    ]
    assert ADDED in printed.err and UNVERIFIED not in printed.err

    assert toolkit.run("remove", "ann@example.com") == 0

    assert toolkit.claims("ann") == {"plan": "gold"}
    assert REMOVED in capsys.readouterr().err


def test_a_claim_that_is_already_set_is_not_written(toolkit: IdentityToolkit) -> None:
    toolkit.add("ann", '{"admin": true}')
    toolkit.add("bob")

    assert toolkit.run("add", "ann@example.com") == 0
    assert toolkit.run("remove", "bob@example.com") == 0

    assert not toolkit.updates


def test_making_an_administrator_is_in_the_audit_log(toolkit: IdentityToolkit) -> None:
    toolkit.add("ann")

    with capture_logs() as logged:
        toolkit.run("add", "ann@example.com")
        toolkit.run("remove", "ann@example.com")

    said = [(x["event"], x["audit"], x["user_id"], x["by"]) for x in logged]
    assert said == [
        ("admin_added", True, "ann", "op@x.org"),
        ("admin_removed", True, "ann", "op@x.org"),
    ]


def test_an_unverified_email_is_pointed_out(
    toolkit: IdentityToolkit, capsys: pytest.CaptureFixture[str]
) -> None:
    toolkit.add("ann")

    toolkit.run("add", "ann@example.com")

    assert UNVERIFIED in capsys.readouterr().err


def test_administrators_on_all_pages_are_listed(
    toolkit: IdentityToolkit, capsys: pytest.CaptureFixture[str]
) -> None:
    toolkit.add("ann", '{"admin": true}')
    toolkit.add("bob", '{"admin": "yes"}')
    toolkit.add("eve", '{"admin": true}')

    assert toolkit.run("list") == 0

    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["ann", "eve"]


@pytest.mark.parametrize(
    ("claims", "email", "sentence"),
    [
        pytest.param("", "bob@example.com", "let them sign up first", id="no user"),
        pytest.param(
            "[1]", "ann@example.com", "are not a JSON object", id="odd claims"
        ),
        pytest.param(
            "{", "ann@example.com", "are not a JSON object", id="unreadable claims"
        ),
        pytest.param("", "two@example.com", "2 users of my-project", id="two"),
    ],
)
def test_nothing_is_set_if_the_user_is_ambiguous(
    toolkit: IdentityToolkit,
    capsys: pytest.CaptureFixture[str],
    claims: str,
    email: str,
    sentence: str,
) -> None:
    toolkit.add("ann", claims)
    toolkit.add("one", email="two@example.com")
    toolkit.add("two")

    assert toolkit.run("add", email) == 1

    assert sentence in capsys.readouterr().err
    assert not toolkit.updates


OFF = {
    "message": "Identity Toolkit API has not been used in project 1 before.",
    "details": [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SERVICE_DISABLED",
            "metadata": {"service": "identitytoolkit.googleapis.com"},
        }
    ],
}


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (403, OFF, "`gcloud services enable identitytoolkit.googleapis.com --project="),
        (403, {"message": "no"}, "ask its owner for roles/firebaseauth.admin."),
        (400, {"message": "INVALID_EMAIL"}, "accounts:lookup answered 400."),
    ],
    ids=["API off", "no role", "not an e-mail"],
)
def test_a_refusal_is_one_sentence(
    toolkit: IdentityToolkit,
    capsys: pytest.CaptureFixture[str],
    status: int,
    error: dict[str, Any],
    sentence: str,
) -> None:
    toolkit.refusal = (status, error)

    assert toolkit.run("add", "ann@example.com") == 1

    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_a_network_that_fails_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert IdentityToolkit().run("list") == 1

    assert "accounts:batchGet: ConnectionError" in capsys.readouterr().err


def test_the_local_stack_has_no_users_to_make_administrators(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(EMULATOR, "127.0.0.1:1")

    assert main(["admin", "add", "ann@example.com"]) == 1

    assert capsys.readouterr().err == f"{LOCAL_ADMINS}\n"
