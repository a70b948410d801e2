"""Forged, foreign, expired and malformed tokens and keys are refused."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from functools import partial
from inspect import unwrap
from typing import Any, cast

import pytest
from flask import Response
from flask.testing import FlaskClient
from google.auth.credentials import AnonymousCredentials

from functions.http.bodies import json_response
from functions.http.route import Call, Route
from functions.http.router import Router
from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from shared.domain.api_key import ApiKey, secret_of, sha256_of
from shared.domain.errors import (
    TokenProblem,
    TooManyRequests,
    Unauthenticated,
    Unreachable,
)
from shared.domain.job import Language
from shared.domain.refusals import describe_refusal
from shared.domain.structs import replace
from shared.gcp import firebase_tokens, firestore_keys, user_lookup
from shared.gcp.bearer_tokens import USER_SECONDS, BearerTokens
from shared.gcp.firebase_tokens import FirebaseTokens, decode_signed
from shared.gcp.oidc import SIGNATURE_REMOVED
from shared.rates import RateLimit
from shared.settings import Settings
from shared.wiring import process
from tests.domain.examples import NOON
from tests.fakes.keys import FakeKeys
from tests.functions.calling import FakeTokens, client_of
from tests.gcp.firebase_signing import (
    FORGERIES,
    HOUR,
    PROJECT,
    Forge,
    Forger,
    claims,
    signed,
)

SECRET = secret_of(b"a" * 32)
REVOKED = secret_of(b"r" * 32)
UNKNOWN = secret_of(b"u" * 32)
LATER = secret_of(b"l" * 32)


def show(call: Call) -> Response:
    return json_response({"user": call.caller.user_id, "key_id": call.caller.key_id})


@pytest.fixture(scope="module")
def forger() -> Forger:
    return Forger(
        google=LocalIdentity.generate(PROJECT), stranger=LocalIdentity.generate(PROJECT)
    )


def a_key(secret: str, *, revoked_at: datetime | None = None) -> ApiKey:
    return ApiKey(
        sha256=sha256_of(secret),
        name="server",
        user_id="bob",
        created_at=NOON,
        revoked_at=revoked_at,
    )


@pytest.fixture
def keys() -> FakeKeys:
    return FakeKeys(a_key(SECRET), a_key(REVOKED, revoked_at=NOON))


@pytest.fixture
def client(forger: Forger, keys: FakeKeys) -> Iterator[FlaskClient]:
    routes = (Route(method="GET", path="/mine", handler=show),)
    with IdentityServer(forger.google) as server:
        decode = decode_signed(PROJECT, server.certs_url)
        tokens = BearerTokens(firebase=FirebaseTokens(PROJECT, decode), keys=keys)
        yield client_of(Router(routes, tokens, []))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_signed_by_google_and_a_key_are_accepted(
    client: FlaskClient, forger: Forger
) -> None:
    for token, user, key_id in (
        (forger.of_google(), "ann", None),
        (SECRET, "bob", sha256_of(SECRET)[:12]),
        (f" {SECRET}", "bob", sha256_of(SECRET)[:12]),  # RFC 9110 allows more spaces
    ):
        response = client.get("/mine", headers=bearer(token))
        assert response.get_json() == {"user": user, "key_id": key_id}


class Gone:
    """A lookup for which every user is deleted."""

    def check(self, user_id: str, *, signed_in_at: float = 0) -> None:
        raise Unauthenticated(f"there is no user {user_id}")


@pytest.mark.parametrize("check_revoked", [True, False], ids=["to spend", "to read"])
@pytest.mark.parametrize("follows_user", [True, False], ids=["a user's", "a server's"])
def test_a_key_ends_with_its_user(*, follows_user: bool, check_revoked: bool) -> None:
    keys = FakeKeys(replace(a_key(SECRET), follows_user=follows_user))
    tokens = BearerTokens(firebase=cast(Any, None), keys=keys, lookup=cast(Any, Gone()))

    for _ in range(2):
        with pytest.raises(Unauthenticated) if follows_user else nullcontext():
            tokens.caller(f"Bearer {SECRET}", check_revoked=check_revoked)


def test_the_deployed_api_looks_up_the_users_of_tokens_and_keys(
    forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's machine has none to look up."""
    keys = FakeKeys(replace(a_key(SECRET), follows_user=True))
    in_cloud = {"GOOGLE_CLOUD_PROJECT": PROJECT, "BUCKET": "b", "K_SERVICE": "api"}
    settings = Settings.from_env(in_cloud)
    monkeypatch.setattr(process, "settings", lambda: settings)
    monkeypatch.setattr(process, "database", lambda: None)
    monkeypatch.setattr(process, "credentials", AnonymousCredentials)
    monkeypatch.setattr(firestore_keys, "FirestoreKeys", lambda _: keys)
    monkeypatch.setattr(user_lookup, "UserLookup", lambda *_: Gone())
    with IdentityServer(forger.google) as google:
        # Its only argument is the project: by default, Google's own certificates count.
        decode = partial(decode_signed, certs_url=google.certs_url)
        monkeypatch.setattr(firebase_tokens, "decode_signed", decode)
        tokens = unwrap(process.tokens)()

        for token in (forger.of_google(), SECRET):
            with pytest.raises(Unauthenticated, match="there is no user"):
                tokens.caller(f"Bearer {token}")


def test_a_users_token_is_looked_up_as_the_call_asks() -> None:
    users = FakeTokens()
    tokens = BearerTokens(firebase=users, keys=FakeKeys())

    for check_revoked in (True, False):
        tokens.caller("Bearer ann", check_revoked=check_revoked)

    assert users.revocations == [True, False]


class Known:
    """A lookup that knows each user, and counts."""

    def __init__(self) -> None:
        self.checks = 0

    def check(self, user_id: str, *, signed_in_at: float = 0) -> None:
        self.checks += 1


def test_a_keys_reads_look_its_user_up_every_few_minutes() -> None:
    keys = FakeKeys(replace(a_key(SECRET), follows_user=True))
    known, now = Known(), [0.0]
    tokens = BearerTokens(
        firebase=cast(Any, None),
        keys=keys,
        lookup=cast(Any, known),
        rate=RateLimit(99),
        clock=lambda: now[0],
    )

    def read() -> int:
        caller = tokens.caller(f"Bearer {SECRET}", check_revoked=False)
        assert not caller.is_admin, "even if its user is one"
        return known.checks

    assert [read(), read()] == [1, 1]
    now[0] = USER_SECONDS
    assert [read(), read()] == [2, 2]
    tokens.caller(f"Bearer {SECRET}")
    assert read() == 3


class Process:
    """A process with few tokens for each key and, together, for unknown ones."""

    def __init__(self, *keys: ApiKey, rate: float = 2) -> None:
        self.keys, self.now = FakeKeys(*keys), 0.0
        self._tokens = BearerTokens(
            firebase=cast(Any, None),
            keys=self.keys,
            rate=RateLimit(rate, lambda: 0.0),
            strangers=RateLimit(1, lambda: 0.0),
            clock=lambda: self.now,
        )

    def admitted(self, secret: str, calls: int = 20) -> int:
        count = 0
        for _ in range(calls):
            with suppress(Unauthenticated, TooManyRequests, Unreachable):
                caller = self._tokens.caller(f"Bearer {secret}")
                assert caller.user_id == "bob"
                count += 1
        return count

    def flood(self) -> None:
        """Use up the strangers' rate with made-up keys, none of which is admitted."""
        for n in range(50):
            assert not self.admitted(secret_of(bytes([n]) * 32), calls=1)


def test_invented_keys_cost_few_reads_and_block_no_valid_key() -> None:
    process = Process(a_key(SECRET), a_key(REVOKED, revoked_at=NOON), rate=4)
    assert process.admitted(SECRET, calls=1) == 1

    process.flood()
    assert process.admitted(REVOKED, calls=50) == 0
    assert len(process.keys.looked_up) == 5

    assert process.admitted(SECRET, calls=21) == 20
    assert len(process.keys.looked_up) == 5 + 20


def test_a_flood_of_invented_keys_blocks_no_valid_key_in_a_new_process() -> None:
    process = Process(a_key(SECRET))

    process.flood()
    assert process.admitted(SECRET, calls=1) == 1
    assert process.keys.lists == 1

    process.keys.add(a_key(LATER))
    process.flood()
    assert process.admitted(LATER, calls=1) == 0
    assert process.keys.lists == 1
    process.now = 10.0
    assert process.admitted(LATER, calls=1) == 1
    assert process.keys.lists == 2


def test_a_key_that_works_takes_nothing_from_the_strangers_rate() -> None:
    process = Process(a_key(SECRET), a_key(LATER))

    assert process.admitted(SECRET) == 11  # the first call, then a bucket of its own
    assert process.admitted(UNKNOWN) == 0
    assert process.keys.looked_up.count(sha256_of(UNKNOWN)) == 4
    assert process.admitted(LATER) == 10


def test_a_revoked_key_is_looked_up_at_the_strangers_rate() -> None:
    key = a_key(SECRET)
    process = Process(key)
    assert process.admitted(SECRET, calls=2) == 2
    process.keys.revoke(key, NOON)
    process.keys.looked_up.clear()

    assert process.admitted(SECRET) == 0
    assert len(process.keys.looked_up) == 1 + 4


def test_a_key_that_was_revoked_since_it_was_listed_has_a_rate() -> None:
    key = a_key(SECRET)
    process = Process(key)
    process.admitted(UNKNOWN)
    process.keys.revoke(key, NOON)
    process.keys.looked_up.clear()

    assert process.admitted(SECRET) == 0
    assert len(process.keys.looked_up) == 10


@pytest.mark.parametrize(("count", "seconds"), [(1, 10), (20, 10), (100, 50)])
def test_the_more_keys_there_are_the_less_often_they_are_listed(
    count: int, seconds: int
) -> None:
    process = Process(*(a_key(secret_of(bytes([n]) * 32)) for n in range(count)))
    process.admitted(UNKNOWN)
    assert process.keys.lists == 1

    process.now = seconds - 1
    process.admitted(UNKNOWN)
    assert process.keys.lists == 1
    process.now = seconds
    process.admitted(UNKNOWN)
    assert process.keys.lists == 2


def test_keys_that_cannot_be_listed_are_listed_again_after_a_pause() -> None:
    process = Process(a_key(SECRET))
    process.admitted(UNKNOWN, calls=5)
    process.keys.read_failures = [Unreachable("down")]

    assert process.admitted(SECRET) == 0
    assert process.keys.lists == 1
    process.now = 10
    assert process.admitted(SECRET) == 10


def changed(secret: str, at: int) -> str:
    """The secret with one character changed to another that a key may hold."""
    other = "A" if secret[at] != "A" else "B"
    return secret[:at] + other + secret[at + 1 :]


def of_service_account(identity: LocalIdentity) -> str:
    return identity.id_token(email=identity.email("tasks-invoker"), audience=PROJECT)


EXPIRED = {"exp": timedelta(seconds=-30), "iat": -HOUR}
FORGED: Mapping[str, Forge] = {
    **FORGERIES,
    "audience": lambda f: signed(f.google, claims(aud="https://api.example")),
    "expired": lambda f: signed(f.google, claims(**EXPIRED)),
    "signature removed": lambda f: f.with_signature(SIGNATURE_REMOVED),
    "another user's signature": lambda f: f.with_claims(sub="bob"),
    "subject with a slash": lambda f: signed(f.google, claims(sub="ann/bob")),
    "service account": lambda f: of_service_account(f.google),
    "revoked key": lambda f: REVOKED,
    "an unknown secret": lambda f: UNKNOWN,
    "first character of a key": lambda f: changed(SECRET, 3),
    "last character of a key": lambda f: changed(SECRET, -1),
    "key cut short": lambda f: SECRET[:-1],
    "key and more": lambda f: SECRET + "A",
    "key in capitals": lambda f: SECRET.upper(),
    "key without its prefix": lambda f: SECRET.removeprefix("rk_"),
    "hash of a key": lambda f: sha256_of(SECRET),
    "prefix and hash": lambda f: f"rk_{sha256_of(SECRET)}",
    "prefix and 43 of the hash": lambda f: f"rk_{sha256_of(SECRET)[:43]}",
    "path in place of a key": lambda f: "rk_../../spend/all",
    "prefix alone": lambda f: "rk_",
}


def check_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    response = client.get("/mine", headers=headers)

    assert response.status_code == 401
    assert response.content_type == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.get_json(force=True)["code"] == "unauthenticated"


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(
    client: FlaskClient, forger: Forger, forge: Forge
) -> None:
    check_refused(client, bearer(forge(forger)))


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer  ", SECRET, f"Basic {SECRET}", f"Token {SECRET}"],
)
def test_a_request_without_a_bearer_token_is_refused(
    client: FlaskClient, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    check_refused(client, headers)


@pytest.mark.parametrize(
    "token", ["rk_", "rk_/", f"{SECRET}/", f"{SECRET}=", "rk_" + "é" * 43]
)
def test_a_malformed_key_is_not_looked_up(
    client: FlaskClient, keys: FakeKeys, token: str
) -> None:
    check_refused(client, bearer(token))

    assert keys.looked_up == []


PROBLEMS: list[tuple[str, TokenProblem, Forge]] = [
    ("no header", TokenProblem.MISSING, lambda f: ""),
    ("no scheme", TokenProblem.MALFORMED, lambda f: f.of_google()),
    ("garbage", TokenProblem.MALFORMED, lambda f: "Bearer garbage"),
    (
        "expired",
        TokenProblem.EXPIRED,
        lambda f: f"Bearer {signed(f.google, claims(**EXPIRED))}",
    ),
    ("forged", TokenProblem.INVALID, lambda f: f"Bearer {f.with_claims(sub='bob')}"),
    ("unknown key", TokenProblem.INVALID, lambda f: f"Bearer {UNKNOWN}"),
]


@pytest.mark.parametrize(
    ("problem", "make"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS]
)
def test_the_answer_says_what_is_wrong_with_the_token(
    client: FlaskClient, forger: Forger, problem: TokenProblem, make: Forge
) -> None:
    header = make(forger)
    headers = {"Authorization": header} if header else {}

    body = client.get("/mine", headers=headers).get_json(force=True)

    refused = Unauthenticated(reason=problem)
    assert body["detail"] == describe_refusal(refused, Language.ENGLISH)
