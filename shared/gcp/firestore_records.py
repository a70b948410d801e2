"""Domain values as Firestore documents: money as strings, times as timestamps."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from cattrs import BaseValidationError, Converter

from shared.domain.errors import Unreadable

T = TypeVar("T")
Record = dict[str, Any]


@cache
def _converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(Decimal, str)
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_structure_hook(datetime, lambda value, _: _plain(value))
    # cattrs would make the text "None" of a null. A StrEnum is a str, too.
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(StrEnum, lambda value, kind: kind(value))
    return converter


def _plain(value: datetime) -> datetime:
    """Firestore's own subclass of datetime as a plain one, which compares by value."""
    moment = value.astimezone(UTC)
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def to_record(value: object) -> Record:
    """A dataclass as a document; enums as their values, mappings with string keys."""
    record: Record = _converter().unstructure(value)
    return record


def from_record(kind: type[T], record: Record, *, use_defaults: bool = False) -> T:
    """Unreadable if `record` is not a `kind`, or one that this version doesn't know.

    `use_defaults`: a missing field has its default, as in documents of an older
    version. Otherwise each field must be there.
    """
    names: set[str] = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if not use_defaults and names - record.keys():
        raise Unreadable(kind.__name__)
    try:
        return _converter().structure(record, kind)
    except BaseValidationError as error:
        raise Unreadable(kind.__name__) from error
