"""Looking up revoked, disabled and deleted users, with a fake accounts:lookup."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession
from werkzeug import Request, Response

from local.http_server import HttpServer, as_json, routed
from shared.domain.errors import Unauthenticated, Unreachable
from shared.gcp import user_lookup
from shared.gcp.user_lookup import UserLookup

PROJECT = "demo-reelay"
PATH = f"/v1/projects/{PROJECT}/accounts:lookup"
KIND = "identitytoolkit#GetAccountInfoResponse"
SIGNED_IN_AT = 1_700_000_000


class IdentityToolkit:
    """`accounts:lookup` with these users by ID, or with `reply` as its only answer."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.reply: Response | None = None
        self.requests: list[Any] = []
        self.dies_first = False

    def answer(self, request: Request) -> Response:
        self.requests.append(request.get_json())
        if self.dies_first and len(self.requests) == 1:
            # Closes the connection without an answer.
            raise ConnectionAbortedError
        if self.reply:
            return self.reply
        wanted = self.requests[-1]["localId"]
        users = [self.users[user_id] for user_id in wanted if user_id in self.users]
        found = {"users": users} if users else {}
        return as_json({"kind": KIND, **found})

    def add(self, user_id: str, **fields: object) -> None:
        self.users[user_id] = {
            "localId": user_id,
            "validSince": str(SIGNED_IN_AT - 1000),
            "createdAt": "1690000000000",
            **fields,
        }


@pytest.fixture
def toolkit() -> IdentityToolkit:
    return IdentityToolkit()


@pytest.fixture
def url(toolkit: IdentityToolkit) -> Iterator[str]:
    with HttpServer(routed({("POST", PATH): toolkit.answer})) as server:
        yield server.url


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_lookup, "TIMEOUT_SECONDS", 100.0)


@contextmanager
def lookup_at(url: str, credentials: Any = None) -> Iterator[UserLookup]:
    session: Any = AuthorizedSession(credentials or AnonymousCredentials())
    with session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_lookup, "BASE_URL", url)
        yield UserLookup(PROJECT, session)


@pytest.fixture
def lookup(url: str) -> Iterator[UserLookup]:
    with lookup_at(url) as lookup:
        yield lookup


@pytest.mark.parametrize("dies_first", [False, True], ids=["", "kept connection"])
@pytest.mark.parametrize(
    "fields",
    [{}, {"disabled": False}, {"validSince": str(SIGNED_IN_AT)}],
    ids=["usual", "not disabled", "revoked just before"],
)
def test_a_user_in_good_standing_is_accepted(
    toolkit: IdentityToolkit, lookup: UserLookup, fields: Any, dies_first: bool
) -> None:
    """A dead keep-alive connection is retried, not a refusal."""
    toolkit.add("ann", **fields)
    toolkit.dies_first = dies_first

    lookup.check("ann", signed_in_at=SIGNED_IN_AT)

    assert toolkit.requests == [{"localId": ["ann"]}] * (1 + dies_first)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"disabled": True}, id="disabled"),
        pytest.param({"validSince": str(SIGNED_IN_AT + 1)}, id="revoked"),
        pytest.param({"validSince": SIGNED_IN_AT + 1}, id="revoked, as a number"),
    ],
)
def test_a_disabled_revoked_or_deleted_user_is_refused(
    toolkit: IdentityToolkit, lookup: UserLookup, fields: Any
) -> None:
    toolkit.add("ann", **fields)

    for user_id in ("ann", "deleted"):
        with pytest.raises(Unauthenticated):
            lookup.check(user_id, signed_in_at=SIGNED_IN_AT)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(as_json({"error": {}}, status=403), id="role missing"),
        pytest.param(as_json({}, status=429), id="too many"),
        pytest.param(as_json({}, status=503), id="out of order"),
        pytest.param(as_json([]), id="a list"),
        pytest.param(as_json({"users": ["ann"]}), id="no user"),
        pytest.param(as_json({"users": [{"localId": "bob"}]}), id="another"),
        pytest.param(as_json({"users": None}), id="nothing"),
        pytest.param(
            as_json({"users": [{"localId": "ann", "validSince": "soon"}]}), id="no time"
        ),
    ],
)
def test_an_unusable_answer_is_unreachable(
    toolkit: IdentityToolkit, lookup: UserLookup, reply: Response
) -> None:
    toolkit.reply = reply

    with pytest.raises(Unreachable):
        lookup.check("ann", signed_in_at=SIGNED_IN_AT)


class NoCredentials(AnonymousCredentials):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Google's

    def before_request(self, *_: object) -> None:
        raise RefreshError("the metadata server is away")


def test_a_missing_server_answer_or_identity_is_unreachable(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_lookup, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for there in (
            lookup_at("http://127.0.0.1:1"),
            lookup_at(f"http://127.0.0.1:{silent.getsockname()[1]}"),
            lookup_at(url, NoCredentials()),
        ):
            with there as lookup, pytest.raises(Unreachable):
                lookup.check("ann", signed_in_at=SIGNED_IN_AT)
