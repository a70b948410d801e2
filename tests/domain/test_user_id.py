"""Which IDs a user may have."""

import pytest

from shared.domain.user_id import is_user_id


@pytest.mark.parametrize(
    "user_id", ["a", "x" * 128, "가" * 90, "a b", "_a_", "...", "__a", "_", "kakao:1"]
)
def test_an_id_that_can_be_stored_is_valid(user_id: str) -> None:
    assert is_user_id(user_id)


@pytest.mark.parametrize(
    "user_id",
    [
        *("", "x" * 129, "가" * 128, "a/b", ".", "..", "__x__", "____", "__"),
        *("a\n", "a\x00", "\u202ea", "\ud800", None, 7),
    ],
    ids=repr,
)
def test_an_id_that_cannot_be_stored_or_shown_is_invalid(user_id: object) -> None:
    assert not is_user_id(user_id)
