"""Valid, invalid and forged ID tokens, signed with local keys."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import google.auth.crypt
import google.auth.jwt

from local.identity import LocalIdentity

PROJECT = "demo-reelay"
HOUR = timedelta(hours=1)
LEFT_OUT = "-"
# google-auth is only partly typed.
CRYPT: Any = google.auth.crypt
JWT: Any = google.auth.jwt


def claims(**changes: object) -> dict[str, Any]:
    """Ann's claims, valid for an hour, with `changes` as in `changed`."""
    now = int(time.time())
    good = {
        "iss": f"https://securetoken.google.com/{PROJECT}",
        "aud": PROJECT,
        "auth_time": now,
        "user_id": "ann",
        "sub": "ann",
        "iat": now,
        "exp": HOUR,
        "email_verified": True,
        "firebase": {"identities": {}, "sign_in_provider": "password"},
    }
    return changed(good, changes, now)


def changed(
    good: Mapping[str, object], changes: Mapping[str, object], now: int
) -> dict[str, Any]:
    """Apply `changes`: a timedelta is relative to `now`, "-" leaves a claim out."""
    return {
        key: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for key, value in {**good, **changes}.items()
        if value != LEFT_OUT
    }


def signed(
    identity: LocalIdentity,
    content: Mapping[str, object],
    *,
    key_id: str | None = "",
    algorithm: str = "RS256",
) -> str:
    """Signed with `identity`'s RSA key; `key_id` "" names its own key, None no key."""
    named = identity.key_id if key_id == "" else key_id
    signer = CRYPT.RSASigner.from_string(identity.pem, named)
    token: bytes = JWT.encode(signer, content, header={"alg": algorithm})
    return token.decode()


def unsigned(content: Mapping[str, object]) -> str:
    """An unsigned token, as the Auth emulator issues it."""
    return f"{segment({'alg': 'none', 'typ': 'JWT'})}.{segment(content)}."


def segment(content: object) -> str:
    return base64_of(json.dumps(content).encode())


def base64_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forger:
    """Makes tokens that an attacker might send; `google` signs for others, too."""

    google: LocalIdentity
    stranger: LocalIdentity
    claims: Callable[..., Mapping[str, object]] = claims

    def of_google(self, *, key_id: str | None = "", algorithm: str = "RS256") -> str:
        content = self.claims()
        return signed(self.google, content, key_id=key_id, algorithm=algorithm)

    def with_hmac(self) -> str:
        """A token signed with the public certificate as a shared secret."""
        header = segment({"alg": "HS256", "kid": self.google.key_id, "typ": "JWT"})
        content = f"{header}.{segment(self.claims())}"
        key = self.google.certificates()[self.google.key_id].encode()
        return f"{content}.{base64_of(hmac.digest(key, content.encode(), 'sha256'))}"

    def with_signature(self, signature: str) -> str:
        return f"{self.of_google().rpartition('.')[0]}.{signature}"

    def with_claims(self, **changes: object) -> str:
        """With a signature of other claims."""
        header, _, signature = self.of_google().split(".")
        return f"{header}.{segment(self.claims(**changes))}.{signature}"


Forge = Callable[[Forger], str]

NESTED = base64_of(b"[" * 100_000)
FORGERIES: Mapping[str, Forge] = {
    "wrong key": lambda f: signed(f.stranger, f.claims(), key_id=f.google.key_id),
    "unknown key": lambda f: signed(f.stranger, f.claims()),
    "right key, unknown name": lambda f: f.of_google(key_id="x"),
    "no key named": lambda f: f.of_google(key_id=None),
    "HS256 with the certificate": lambda f: f.with_hmac(),
    "HS256 in the header": lambda f: f.of_google(algorithm="HS256"),
    "ES256 in the header": lambda f: f.of_google(algorithm="ES256"),
    "alg none": lambda f: unsigned(f.claims()),
    "no signature": lambda f: f.with_signature(""),
    "a signature of other claims": lambda f: f.with_claims(iat=timedelta(seconds=-1)),
    "four parts": lambda f: f.of_google() + ".x",
    "garbage": lambda f: "garbage",
    "three times garbage": lambda f: "a.b.c",
    "nested without end": lambda f: f"{segment({})}.{NESTED}.",
    "all nested": lambda f: f"{NESTED}.{NESTED}.",
    "not ASCII": lambda f: "ä.ö.ü",
    "lists": lambda f: f"{segment([])}.{segment([])}.",
}
