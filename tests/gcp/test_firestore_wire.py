"""Our Firestore wire format equals that of Google's library, in writes and in reads.

The reference is what the library itself sends, compared in all that has a meaning.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.types import firestore as messages
from google.cloud.firestore_v1.types import write as writes
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from shared.gcp import firestore_wire as wire
from shared.gcp.firestore_calls import Database

NAME = "projects/p/databases/(default)/documents/animals/cat"
NOON = datetime(2026, 11, 29, 12, 0, 0, 123456, tzinfo=UTC)
_moments = st.integers(-(2 * 10**9), 2 * 10**11).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC).replace(
        microsecond=seconds % 7
    )
)
_plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | _moments
    | st.binary(max_size=8)
)
_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: not name.startswith("__")
)
_values = st.recursive(
    _plain,
    lambda inner: (
        st.lists(inner.filter(lambda each: not isinstance(each, list)), max_size=3)
        | st.dictionaries(_names, inner, max_size=3)
    ),
    max_leaves=12,
)
_records = st.dictionaries(_names, _values, min_size=1, max_size=5)
# Names like ours: the library reads a dot in an update's name as a path.
_fields = st.from_regex(r"[a-z_][a-z0-9_]{0,10}", fullmatch=True)
_updates = st.dictionaries(_fields, _values, min_size=1, max_size=5)
_amounts = st.just(0) | st.integers(-(10**9), 10**9)


def _nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        st.dictionaries(_names, leaves, max_size=3),
        lambda inner: st.dictionaries(_names, inner | leaves, max_size=3),
        max_leaves=8,
    )


def _has_empty_map(record: dict[str, Any]) -> bool:
    maps = [each for each in record.values() if isinstance(each, dict)]
    return not all(maps) or any(map(_has_empty_map, maps))


def theirs(fill: Callable[[Any, Any], object]) -> Any:
    """The write that the library's batch would send."""
    client: Any = firestore.Client(project="p", credentials=AnonymousCredentials())
    batch = client.batch()
    fill(batch, client.document("animals/cat"))
    (write,) = batch._write_pbs
    return in_order(writes.Write.pb(write))


def ours(add: Callable[..., None], *how: Any) -> Any:
    """The write to NAME that `add` adds to a commit."""
    commit: Any = messages.CommitRequest.pb()()
    add(commit.writes, NAME, *how)
    (write,) = commit.writes
    return in_order(write)


def in_order(write: Any) -> Any:
    """The write with fields and increments sorted as the library does; ours aren't."""
    if write.HasField("update_mask"):  # even an empty one has a meaning
        write.update_mask.field_paths.sort()
    added = sorted(write.update_transforms, key=lambda each: each.field_path)
    del write.update_transforms[:]
    write.update_transforms.extend(added)
    return write


@given(_records)
def test_a_document_is_written_as_the_library_does(record: dict[str, Any]) -> None:
    created = theirs(lambda batch, cat: batch.create(cat, record))
    overwritten = theirs(lambda batch, cat: batch.set(cat, record))

    assert ours(wire.create, record) == created
    assert ours(wire.overwrite, record) == overwritten


@given(_updates)
def test_fields_are_updated_as_the_library_does(record: dict[str, Any]) -> None:
    expected = theirs(lambda batch, cat: batch.update(cat, record))

    assert ours(wire.update, record) == expected


@given(_nested(_plain).filter(lambda record: not _has_empty_map(record)))
def test_nested_fields_change_as_the_library_merges(record: dict[str, Any]) -> None:
    expected = theirs(lambda batch, cat: batch.set(cat, record, merge=True))
    expected.current_document.update_time.FromDatetime(NOON)

    assert ours(wire.change, record, NOON) == expected


@given(_nested(_amounts))
def test_numbers_are_incremented_as_the_library_does(amounts: dict[str, Any]) -> None:
    added = _increments(amounts)
    expected = theirs(lambda batch, cat: batch.set(cat, added, merge=True))

    assert ours(wire.increment, amounts) == expected


def _increments(amounts: dict[str, Any]) -> dict[str, Any]:
    """Increments as the library takes them; an empty map would erase stored values."""
    added = {
        name: _increments(n) if isinstance(n, dict) else n and firestore.Increment(n)
        for name, n in amounts.items()
    }
    return {name: increment for name, increment in added.items() if increment}


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_precondition_is_exact_to_the_microsecond(*, is_ours: bool) -> None:
    option: Any = firestore.Client.write_option(last_update_time=NOON)
    token: Any = NOON
    if is_ours:
        token = Timestamp()
        token.FromDatetime(NOON)
    change = {"a": 1}

    assert ours(wire.update, change, token) == theirs(
        lambda batch, cat: batch.update(cat, change, option=option)
    )
    assert ours(wire.change, {"b": {"c": 1}}, token) == theirs(
        lambda batch, cat: batch.update(cat, {"b.c": 1}, option=option)
    )
    assert ours(wire.delete, token) == theirs(
        lambda batch, cat: batch.delete(cat, option=option)
    )


def test_a_document_is_deleted_as_the_library_does() -> None:
    assert ours(wire.delete) == theirs(lambda batch, cat: batch.delete(cat))


def test_a_value_that_firestore_cannot_store_is_refused() -> None:
    with pytest.raises(TypeError):
        ours(wire.create, {"a": object()})


def test_an_empty_map_does_not_replace_stored_values() -> None:
    with pytest.raises(ValueError, match="d29"):
        ours(wire.change, {"days": {"d29": {}}}, NOON)


def test_a_document_is_read_as_the_library_reads_it(
    database: Database, firestore_client: firestore.Client
) -> None:
    record: dict[str, Any] = {
        "text": "고양이 ✨",
        "none": None,
        "yes": True,
        "number": -(2**63),
        "half": 0.5,
        "at": NOON,
        "bytes": b"\x00\xff",
        "list": [1, {"a": [None]}, "x"],
        "empty": {"list": [], "map": {}},
    }
    cat = database.document("animals", "cat")
    batch = database.batch()
    batch.create(cat, record)
    batch.commit()

    dog = database.document("animals", "dog")
    found, missing = database.get_all([cat, dog])

    assert (
        found.to_dict()
        == record
        == firestore_client.document("animals/cat").get().to_dict()
    )
    assert not missing.exists
    assert missing.to_dict() is missing.update_time is None
    assert (found.id, missing.id) == ("cat", "dog")
    assert (database.get(cat), database.get(dog)) == (found, missing)
