"""Converts domain values to Firestore documents and back: money as strings, times as
timestamps.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert, to_builtins

from shared.domain.errors import Unreadable

T = TypeVar("T", bound=Struct)
Record = dict[str, Any]


def to_record(value: Struct) -> Record:
    """A Struct as a document; enums as their values, money as strings."""
    record: Record = to_builtins(value, builtin_types=(datetime,))
    return record


def from_record(kind: type[T], record: Record, *, use_defaults: bool = False) -> T:
    """Unreadable if `record` is not a `kind`, or has values that this release doesn't
    know.

    `use_defaults`: a missing field gets its default, as in documents of older releases.
    Otherwise every field must be present.
    """
    names = set(kind.__struct_fields__)
    if not use_defaults and names - record.keys():
        raise Unreadable(kind.__name__)
    try:
        return convert(_plain(record), kind)
    except ValidationError as error:
        raise Unreadable(kind.__name__) from error


def _plain(value: Any) -> Any:
    """Replaces Firestore's subclass of datetime: a plain one compares by value."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)
    return value
