"""A cursor is read back as it was written; any other text is refused."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.errors import FieldError
from shared.domain.job import Language
from shared.domain.listing import MAX_CURSOR_LENGTH, Cursor, Position, cursor_after
from shared.domain.refusals import describe_field
from shared.domain.specs import Wrong
from tests.domain.examples import NOON

TICK = timedelta(microseconds=1)


def encoded(plain: str) -> str:
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize("at", [NOON, NOON + TICK, datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("job_id", ["a", "ab", "abc", "z9" * 64])
def test_a_cursor_is_read_back_as_it_was_written(at: datetime, job_id: str) -> None:
    cursor = cursor_after(at, job_id)

    assert Cursor().parse(cursor) == Position(created_at=at, job_id=job_id)
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
        pytest.param(encoded("1.job1") + "\n", id="with a line break"),
        pytest.param(encoded("01.job1"), id="a leading zero"),
        pytest.param(encoded("1_0.job1"), id="Python's underscore in a number"),
        pytest.param(encoded("1."), id="no job"),
        pytest.param(encoded("1.a/b"), id="a path"),
        pytest.param(encoded("1.__x__"), id="a reserved name"),
        pytest.param(encoded("1.a.b"), id="two dots"),
        pytest.param(encoded(f"{10**18}.job1"), id="after all years"),
        pytest.param(encoded(f"{-(10**17)}.job1"), id="before all years"),
        pytest.param(encoded(f"{10**99}.job1"), id="beyond any clock"),
        pytest.param(encoded("1." + "a" * MAX_CURSOR_LENGTH), id="too long"),
    ],
)
def test_any_other_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Wrong, match="not_a_cursor") as refused:
        Cursor().parse(cursor)

    error = FieldError(field="cursor", reason=refused.value.reason)
    sentences = {describe_field(error, language) for language in Language}
    assert len(sentences) == 2
