"""Whose token an Authorization header holds."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from google.auth.exceptions import GoogleAuthError, TransportError

from shared.domain.errors import Unauthenticated, Unreachable
from shared.gcp.firebase_tokens import (
    FirebaseTokens,
    decode_emulated,
    decode_signed,
)
from shared.ports import Caller

PROJECT = "demo"
ISSUER = "https://securetoken.google.com/demo"


def claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    known = {"iss": ISSUER, "aud": PROJECT, "sub": "ann", "iat": now, "exp": now + 3600}
    return known | changes


def part(value: Mapping[str, object]) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(value).encode())
    return encoded.decode().rstrip("=")


def unsigned(**changes: object) -> str:
    """A token as the Auth emulator makes it."""
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims(**changes))}."


def emulated() -> FirebaseTokens:
    return FirebaseTokens(PROJECT, decode_emulated(PROJECT))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_names_its_user(scheme: str) -> None:
    assert emulated().caller(f"{scheme} {unsigned()}") == Caller(user_id="ann")


@pytest.mark.parametrize(
    ("admin", "is_admin"),
    [(True, True), (False, False), ("true", False), (1, False), (None, False)],
)
def test_only_the_claim_itself_makes_an_admin(admin: object, is_admin: bool) -> None:
    caller = emulated().caller(f"Bearer {unsigned(admin=admin)}")

    assert caller.is_admin is is_admin


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer a.b.c"],
)
def test_what_is_no_token_is_nobodys(authorization: str | None) -> None:
    with pytest.raises(Unauthenticated):
        emulated().caller(authorization)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"iss": "https://securetoken.google.com/another"},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"sub": ""},
        {"sub": None},
        {"sub": 5},
        {"sub": "a/b"},
        {"sub": "x" * 129},
    ],
    ids=str,
)
def test_a_token_of_another_kind_is_nobodys(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        emulated().caller(f"Bearer {unsigned(**changes)}")


def test_an_unsigned_token_is_nobodys_where_signatures_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = "google.oauth2.id_token._fetch_certs"
    monkeypatch.setattr(keys, lambda request, url: {})
    tokens = FirebaseTokens(PROJECT, decode_signed(PROJECT))

    with pytest.raises(Unauthenticated):
        tokens.caller(f"Bearer {unsigned()}")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError("down"), Unreachable),
        (GoogleAuthError("bad"), Unauthenticated),
        (ValueError("bad"), Unauthenticated),
        (TypeError("bad"), Unauthenticated),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_only_googles_own_silence_is_not_the_callers_fault(
    error: Exception, expected: type[Exception]
) -> None:
    def decode(token: str) -> Mapping[str, Any]:
        raise error

    with pytest.raises(expected):
        FirebaseTokens(PROJECT, decode).caller("Bearer token")
