"""A cursor is a place in a list, and nothing else is one."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import InvalidRequest
from shared.domain.job import Language
from shared.domain.listing import LONGEST_CURSOR, cursor_after, read_cursor
from shared.domain.refusals import describe_field
from tests.domain.examples import NOON

TICK = timedelta(microseconds=1)


def encoded(plain: str) -> str:
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize("at", [NOON, NOON + TICK, datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("job_id", ["a", "ab", "abc", "z9" * 64])
def test_a_cursor_is_read_as_it_was_written(at: datetime, job_id: str) -> None:
    cursor = cursor_after(at, job_id)

    assert read_cursor(cursor) == (at, job_id)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param("", id="nothing"),
        pytest.param("é", id="not ascii"),
        pytest.param("a", id="no base64"),
        pytest.param("a b+/", id="other letters"),
        pytest.param("_w", id="no text"),
        pytest.param(encoded("job1"), id="no time"),
        pytest.param(encoded("1.job1") + "=", id="padded"),
        pytest.param(encoded("1.job1") + "\n", id="with a line's end"),
        pytest.param(encoded("01.job1"), id="a zero before"),
        pytest.param(encoded("1_0.job1"), id="a number of Python's"),
        pytest.param(encoded("1."), id="no job"),
        pytest.param(encoded("1.a/b"), id="a path"),
        pytest.param(encoded("1.__x__"), id="a reserved name"),
        pytest.param(encoded("1.a.b"), id="two points"),
        pytest.param(encoded(f"{10**18}.job1"), id="after all years"),
        pytest.param(encoded(f"{-(10**17)}.job1"), id="before all years"),
        pytest.param(encoded(f"{10**99}.job1"), id="no number of a clock"),
        pytest.param(encoded("1." + "a" * LONGEST_CURSOR), id="too long"),
    ],
)
def test_whatever_is_no_cursor_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_cursor(cursor)

    (error,) = refused.value.errors
    assert (error.field, error.reason) == ("cursor", "not_a_cursor")
    sentences = {describe_field(error, language) for language in Language}
    assert len(sentences) == 2
