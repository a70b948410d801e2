"""An API key: a server's way in, as one user, without Firebase."""

import re
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

PREFIX = "rk_"
ENTROPY_BYTES = 32
LONGEST_NAME = 100

_SECRET = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


class ApiKey(Struct, frozen=True, kw_only=True):
    """What is kept of a key; its secret was shown once and is kept nowhere.

    `key_id`: the first 12 digits of `sha256`, by which people and logs name it.
    `follows_user`: the user is one of Firebase's, and the key ends with them; any other
    name stands for a server.
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
    """`rk_` and 43 url-safe characters, which hold the 32 random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"{ENTROPY_BYTES} bytes are needed")
    return PREFIX + urlsafe_b64encode(entropy).decode().rstrip("=")


def is_secret(text: str) -> bool:
    """Whether it has a key's form; only then is it worth looking up."""
    return _SECRET.fullmatch(text) is not None


def sha256_of(secret: str) -> str:
    """In hexadecimal. Nothing slower is needed: nobody can guess 256 random bits."""
    return sha256(secret.encode()).hexdigest()


def is_name(text: str) -> bool:
    """1 to 100 printable characters, not all of them blank."""
    return len(text) <= LONGEST_NAME and text.isprintable() and bool(text.strip())
