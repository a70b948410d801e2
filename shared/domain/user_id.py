"""A user's id: what Firebase gives, where we can keep it as a document's name."""

LONGEST = 128


def is_user_id(value: object) -> bool:
    """A text of 1 to 128 characters, without a slash."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST and "/" not in value
