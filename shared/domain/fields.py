"""Describes the fields of a JSON body or a query, and parses all of them at once."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.specs import Flag, Spec, Whole, Wrong, nearest

WHOLE_NUMBER = re.compile("-?[0-9]{1,15}")
# A body has room for thousands, and finding a suggestion for each takes time.
MAX_UNKNOWN = 20
# An error repeats an unknown name up to this length: it may fill most of a large body.
MAX_SHOWN_LENGTH = 100


class Field(Struct, frozen=True, kw_only=True):
    """A field's spec, whether it is required, and its value where it is left out.

    `description`, `example` and `form_schema`, which is set if the value in a form
    differs from the one in JSON, are for OpenAPI. `synonyms` are names that callers try
    instead: the error for one suggests the field's own name.
    """

    spec: Spec
    required: bool = False
    default: object = None
    nullable: bool = False
    description: str = ""
    example: object = None
    form_schema: Mapping[str, object] | None = None
    synonyms: tuple[str, ...] = ()

    def parse(self, value: object) -> object:
        if value is None and self.nullable:
            return None
        return self.spec.parse(value)


def read_fields(
    fields: Mapping[str, Field],
    body: Mapping[str, object],
    more: Iterable[FieldError] = (),
) -> dict[str, Any]:
    """Every field's value by name. InvalidRequest has all invalid fields, and `more`.

    Each value has the type that its spec's `parse` returns. Of the unknown fields, at
    most `MAX_UNKNOWN` are named.
    """
    unknown = sorted(body.keys() - fields)[:MAX_UNKNOWN]
    errors = [_unknown(name, fields) for name in unknown]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in body:
            values[name] = field.default
            if field.required:
                errors.append(FieldError(field=name, reason="required"))
            continue
        try:
            values[name] = field.parse(body[name])
        except Wrong as wrong:
            errors.append(
                FieldError(field=name, reason=wrong.reason, parameters=wrong.parameters)
            )
    errors += more
    if errors:
        raise InvalidRequest(tuple(errors))
    return values


def _unknown(name: str, fields: Mapping[str, Field]) -> FieldError:
    known = {synonym: own for own in fields for synonym in fields[own].synonyms}
    known |= {own: own for own in fields}
    meant = nearest(name, known)
    shown = name if len(name) <= MAX_SHOWN_LENGTH else f"{name[:MAX_SHOWN_LENGTH]}…"
    if meant is None:
        return FieldError(field=shown, reason="unknown_field")
    return FieldError(
        field=shown, reason="unknown_field_but", parameters=(known[meant],)
    )


def read_texts(
    fields: Mapping[str, Field],
    texts: Mapping[str, str],
    more: Iterable[FieldError] = (),
) -> dict[str, Any]:
    """Like `read_fields`, for a query string; unknown parameters are ignored."""
    values = {
        name: _value(fields[name].spec, text)
        for name, text in texts.items()
        if name in fields
    }
    return read_fields(fields, values, more)


def _value(spec: Spec, text: str) -> object:
    """The JSON value that `text` stands for, or the text itself if there is none."""
    match spec:
        case Whole() if WHOLE_NUMBER.fullmatch(text):
            return int(text)
        case Flag() if text in ("true", "false"):
            return text == "true"
        case _:
            return text
