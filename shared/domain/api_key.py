"""API keys: how a server authenticates as one user without Firebase."""

import re
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

PREFIX = "rk_"
ENTROPY_BYTES = 32
MAX_NAME_LENGTH = 100

_ID = re.compile(r"[0-9a-f]{12}")
_SECRET = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class ApiKey(Struct, frozen=True, kw_only=True):
    """The stored record of a key. Its secret is shown once and never stored.

    `key_id`: the first 12 digits of `sha256`, which identify the key to people and in
    logs. `follows_user`: `user_id` is a Firebase user, and the key stops working when
    that user does; any other `user_id` stands for a server.
    """

    sha256: str
    name: str
    user_id: str
    created_at: datetime
    revoked_at: datetime | None = None
    follows_user: bool = False

    @property
    def key_id(self) -> str:
        return self.sha256[:12]


def secret_of(entropy: bytes) -> str:
    """`rk_` and 43 URL-safe characters that encode the 32 random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"{ENTROPY_BYTES} bytes are needed")
    return PREFIX + urlsafe_b64encode(entropy).decode().rstrip("=")


def is_secret(text: str) -> bool:
    """Whether `text` has the form of a key; only then is it worth looking up."""
    return _SECRET.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Whether `text` has the form of a `key_id`."""
    return _ID.fullmatch(text) is not None


def sha256_of(secret: str) -> str:
    """In hexadecimal. A slow hash is unnecessary: 256 random bits can't be guessed."""
    return sha256(secret.encode()).hexdigest()


def is_name(text: str) -> bool:
    """1 to 100 printable characters, not all of them blank."""
    return len(text) <= MAX_NAME_LENGTH and text.isprintable() and bool(text.strip())
