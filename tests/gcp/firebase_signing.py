"""Firebase ID tokens, good and bad, signed by a key of our own."""

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
# google-auth is typed in part only.
CRYPT: Any = google.auth.crypt
JWT: Any = google.auth.jwt


def claims(**changes: object) -> dict[str, Any]:
    """Ann's, an hour from now on, but for `changes`.

    A timedelta is from now; "-" leaves one out.
    """
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
    return {
        key: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for key, value in (good | changes).items()
        if value != LEFT_OUT
    }


def signed(
    identity: LocalIdentity,
    content: Mapping[str, object],
    *,
    key_id: str | None = "",
    algorithm: str = "RS256",
) -> str:
    """By `identity`'s RSA key; `key_id` "" is its own, None: none is named."""
    named = identity.key_id if key_id == "" else key_id
    signer = CRYPT.RSASigner.from_string(identity.pem, named)
    token: bytes = JWT.encode(signer, content, header={"alg": algorithm})
    return token.decode()


def unsigned(content: Mapping[str, object]) -> str:
    """As the Auth emulator makes it."""
    return f"{segment({'alg': 'none', 'typ': 'JWT'})}.{segment(content)}."


def segment(content: object) -> str:
    return base64_of(json.dumps(content).encode())


def base64_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
