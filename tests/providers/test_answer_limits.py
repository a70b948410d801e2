"""An answer is read so far, and so long."""

from collections.abc import Iterator

import pytest

from shared.providers.answer_limits import limited


class TooMuch(Exception):
    """What the reader's library would raise."""


def read(chunks: list[bytes], *, seconds_each: float = 0) -> list[bytes]:
    now = iter(seconds_each * nth for nth in range(len(chunks) + 1))
    came: Iterator[bytes] = limited(
        chunks, most_bytes=6, seconds=10, error=TooMuch, clock=lambda: next(now)
    )
    return list(came)


def test_what_is_within_the_limits_is_read_as_it_comes() -> None:
    assert read([b"abc", b"def"], seconds_each=5) == [b"abc", b"def"]


@pytest.mark.parametrize(
    ("chunks", "seconds_each"),
    [([b"abc", b"defg"], 0), ([b"a", b"b", b"c"], 5)],
    ids=["too many bytes", "too slow"],
)
def test_what_is_beyond_them_is_an_error(
    chunks: list[bytes], seconds_each: float
) -> None:
    with pytest.raises(TooMuch):
        read(chunks, seconds_each=seconds_each)
