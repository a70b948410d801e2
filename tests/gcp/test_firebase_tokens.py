"""Firebase ID tokens: claims, who may call, and when revocation is checked."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import id_token

from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from shared.domain.errors import (
    Forbidden,
    TooManyRequests,
    Unauthenticated,
    Unreachable,
)
from shared.gcp import firebase_tokens, published_keys
from shared.gcp.firebase_tokens import FirebaseTokens, decode_signed
from shared.ports.identity import Caller
from shared.rates import RateLimit
from tests.gcp.firebase_signing import HOUR, LEFT_OUT, PROJECT, claims, signed, unsigned

Say = Callable[..., Caller]


class Lookup:
    """Records who was looked up; raises `error` if it is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.looked_up: list[tuple[str, float]] = []
        self._error = error

    def check(self, user_id: str, *, signed_in_at: float) -> None:
        self.looked_up.append((user_id, signed_in_at))
        if self._error:
            raise self._error


def in_cloud(certs_url: str, lookup: Any = None) -> FirebaseTokens:
    return FirebaseTokens(PROJECT, decode_signed(PROJECT, certs_url), lookup)


@pytest.fixture(params=["google-auth and us", "us alone"])
def caller_of(
    request: pytest.FixtureRequest, identity: LocalIdentity, certs_url: str
) -> Say:
    """The caller of a token with these claims, with and without google-auth's check."""

    def ask(**changes: object) -> Caller:
        content = claims(**changes)
        if request.param == "us alone":
            return FirebaseTokens(PROJECT, lambda _: content).caller("Bearer x.y.z")
        token = signed(identity, content)
        return in_cloud(certs_url).caller(f"Bearer {token}")

    return ask


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as it should be"),
        pytest.param(
            {"iat": timedelta(seconds=6), "auth_time": timedelta(seconds=6)},
            id="clock ahead",
        ),
        pytest.param({"exp": timedelta(seconds=-4), "iat": -HOUR}, id="just expired"),
        pytest.param({"auth_time": timedelta(days=-90)}, id="long signed in"),
        pytest.param({"firebase": {"sign_in_provider": "custom"}}, id="custom"),
        pytest.param({"admin": "true"}, id="admin in words"),
        pytest.param({"admin": 1}, id="admin in numbers"),
    ],
)
def test_a_good_token_names_its_user(
    caller_of: Say, changes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firebase_tokens, "CLOCK_SKEW_SECONDS", 600)
    assert caller_of(**changes) == Caller(user_id="ann")
    assert caller_of(**changes, sub="x" * 128).user_id == "x" * 128
    # Only the claim itself makes an administrator.
    assert caller_of(**{**changes, "admin": True}).is_admin


BAD_CLAIMS = [
    {"aud": "another"},
    {"aud": [PROJECT]},
    {"aud": LEFT_OUT},
    {"iss": "https://securetoken.google.com/another"},
    {"iss": "https://accounts.google.com"},
    {"iss": LEFT_OUT},
    {"exp": timedelta(seconds=-60)},
    {"exp": LEFT_OUT},
    {"exp": None},
    {"exp": "soon"},
    {"iat": HOUR},
    {"iat": LEFT_OUT},
    {"auth_time": HOUR},
    {"auth_time": float("nan")},
    {"auth_time": "now"},
    {"auth_time": LEFT_OUT},
    {"sub": ""},
    {"sub": None},
    {"sub": 5},
    {"sub": LEFT_OUT},
    {"sub": "a/b"},
    {"sub": "x" * 129},
    {"firebase": LEFT_OUT},
    {"firebase": []},
    {"firebase": {}},
    {"firebase": {"sign_in_provider": ["custom"]}},
    {"firebase": {"sign_in_provider": "custom", "tenant": "another-tenant"}},
]


@pytest.mark.parametrize("changes", BAD_CLAIMS, ids=lambda c: str(c)[:40])
def test_a_wrong_claim_is_refused(caller_of: Say, changes: Any) -> None:
    with pytest.raises(Unauthenticated):
        caller_of(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"firebase": {"identities": {}, "sign_in_provider": "anonymous"}},
        {"email_verified": False},
        {"email_verified": LEFT_OUT},
        {"email_verified": "true"},
    ],
    ids=["anonymous", "not verified", "not said", "said in words"],
)
def test_users_that_a_script_can_create_are_refused(
    caller_of: Say, changes: Any
) -> None:
    with pytest.raises(Forbidden):
        caller_of(**changes)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(unsigned(claims()), id="unsigned"),
        pytest.param(unsigned(claims(exp=10**400)), id="valid for ever"),
        pytest.param("a.b.c", id="no base64"),
    ],
)
def test_a_malformed_token_is_refused(certs_url: str, token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        in_cloud(certs_url).caller(f"Bearer {token}")

    assert token not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_an_error_of_google_auth_is_a_401_not_missing_keys(
    identity: LocalIdentity,
) -> None:
    def decode(token: str) -> Mapping[str, Any]:
        raise GoogleAuthError(token)

    with pytest.raises(Unauthenticated):
        FirebaseTokens(PROJECT, decode).caller("Bearer token")
    with pytest.raises(Unreachable):
        in_cloud("http://127.0.0.1:1/certs").caller(
            f"Bearer {signed(identity, claims())}"
        )


def test_genuine_tokens_are_looked_up_to_spend_and_an_admins_always(
    identity: LocalIdentity, certs_url: str
) -> None:
    lookup, since = Lookup(), 1_700_000_000
    tokens, content = in_cloud(certs_url, lookup), claims(auth_time=since)
    token = signed(identity, content)

    tokens.caller(f"Bearer {token}", check_revoked=False)
    with pytest.raises(Unauthenticated):
        tokens.caller(f"Bearer {signed(LocalIdentity.generate(PROJECT), content)}")
    assert lookup.looked_up == []

    tokens.caller(f"Bearer {token}")
    assert lookup.looked_up == [("ann", since)]
    admin = signed(identity, claims(auth_time=since, admin=True))
    tokens.caller(f"Bearer {admin}", check_revoked=False)
    assert lookup.looked_up == [("ann", since)] * 2
    for error in (Unauthenticated("revoked"), Unreachable("down")):
        with pytest.raises(type(error)):
            in_cloud(certs_url, Lookup(error)).caller(f"Bearer {token}")


def test_a_signature_is_checked_once_while_its_key_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = LocalIdentity.generate(PROJECT), LocalIdentity.generate(PROJECT)
    checks: list[str] = []

    def verify(token: str, *args: Any, **options: Any) -> Any:
        checks.append(token)
        return genuine(token, *args, **options)

    genuine: Any = id_token.verify_firebase_token
    monkeypatch.setattr(id_token, "verify_firebase_token", verify)
    monkeypatch.setattr(published_keys, "RETRY_SECONDS", 0)
    token, later = (signed(identity, claims()) for identity in (old, new))
    with IdentityServer(old) as server:
        tokens = in_cloud(server.certs_url)
        assert {tokens.caller(f"Bearer {token}").user_id for _ in range(3)} == {"ann"}
        assert checks == [token]

        # The oldest makes room for others.
        monkeypatch.setattr(firebase_tokens, "MAX_CHECKED", 1)
        other = signed(old, claims(sub="bob"))
        assert [tokens.caller(f"Bearer {t}").user_id for t in (other, token)] == [
            "bob",
            "ann",
        ]
        assert checks == [token, other, token]

        server.publish(new, only=True)
        tokens.caller(f"Bearer {later}")

        with pytest.raises(Unauthenticated):
            tokens.caller(f"Bearer {token}")


def test_each_users_lookups_are_rate_limited() -> None:
    """All users share Google's quota, so none may use it up."""
    lookup, rate = Lookup(), RateLimit(1, lambda: 0.0)
    content = claims()
    tokens = FirebaseTokens(PROJECT, lambda _: content, cast(Any, lookup), rate)

    for _ in range(5):
        tokens.caller("Bearer x.y.z")
    with pytest.raises(TooManyRequests):
        tokens.caller("Bearer x.y.z")

    assert len(lookup.looked_up) == 5
