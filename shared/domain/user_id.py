"""User ids: those of Firebase that can also name a document and an object of ours."""

from urllib.parse import quote

MAX_LENGTH = 128
# Quoted, it is part of an object's name, which may have at most 1024 bytes.
MAX_QUOTED_BYTES = 850


def is_user_id(value: object) -> bool:
    """1 to 128 printable characters, without a slash, that both our stores accept.

    Firestore doesn't accept `.`, `..` or `__…__` as a document's name.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_LENGTH or "/" in value:
        return False
    if not value.isprintable():  # a lone surrogate isn't printable either
        return False
    is_reserved = value in (".", "..") or (value[:2] == value[-2:] == "__")
    quoted = quote(value, safe="")
    return not is_reserved and len(quoted) <= MAX_QUOTED_BYTES
