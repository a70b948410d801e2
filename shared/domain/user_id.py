"""A user's id: what Firebase gives, where we can keep it as a document's name."""

from urllib.parse import quote

LONGEST = 128
# Quoted, it is part of an object's name, which may have 1024 bytes in all.
MOST_QUOTED_BYTES = 850


def is_user_id(value: object) -> bool:
    """1 to 128 printable characters, without a slash, that both our stores can name.

    Firestore takes no document called `.`, `..` or `__…__`.
    """
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "/" in value:
        return False
    if not value.isprintable():  # half a character is none either
        return False
    is_reserved = value in (".", "..") or (value[:2] == value[-2:] == "__")
    quoted = quote(value, safe="")
    return not is_reserved and len(quoted) <= MOST_QUOTED_BYTES
