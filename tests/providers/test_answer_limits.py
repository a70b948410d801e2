"""An answer is read so far."""

import pytest

from shared.providers.answer_limits import limited


class TooMuch(Exception):
    """What the reader's library would raise."""


def read(*chunks: bytes) -> list[bytes]:
    return list(limited(chunks, most_bytes=6, error=TooMuch))


def test_what_is_within_the_limit_is_read_as_it_comes() -> None:
    assert read(b"abc", b"def") == [b"abc", b"def"]


def test_what_is_beyond_it_is_an_error() -> None:
    with pytest.raises(TooMuch):
        read(b"abc", b"defg")
