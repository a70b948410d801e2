"""Valid and invalid Firebase ID tokens, signed with a local key."""

import base64
import json
import time
from collections.abc import Mapping
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
