"""The fields of a JSON body or a query, and reading all of them at once."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from shared.domain.errors import FieldError
from shared.domain.specs import Flag, Spec, Whole, Wrong, nearest

WHOLE = re.compile("-?[0-9]{1,15}")
# A body has room for thousands, and looking for what was meant takes time.
MOST_UNKNOWN = 20


class Field(Struct, frozen=True, kw_only=True):
    """A field's spec, whether it is required, and its value where it is left out.

    `description` and `example` are what OpenAPI says of it. `synonyms` are names that
    callers try instead; they are suggested from, never accepted.
    """

    spec: Spec
    required: bool = False
    default: object = None
    nullable: bool = False
    description: str = ""
    example: object = None
    synonyms: tuple[str, ...] = ()

    def parse(self, value: object) -> object:
        if value is None and self.nullable:
            return None
        return self.spec.parse(value)


def read_fields(
    fields: Mapping[str, Field], body: Mapping[str, object]
) -> tuple[dict[str, Any], list[FieldError]]:
    """Every readable field's value by name, and an error for each wrong one.

    Each value has the type that its spec's `parse` returns. Of unknown fields, the
    first `MOST_UNKNOWN` are named.
    """
    unknown = sorted(body.keys() - fields)[:MOST_UNKNOWN]
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
    return values, errors


def _unknown(name: str, fields: Mapping[str, Field]) -> FieldError:
    called = {synonym: own for own in fields for synonym in fields[own].synonyms}
    called |= {own: own for own in fields}
    meant = nearest(name, called)
    if meant is None:
        return FieldError(field=name, reason="unknown_field")
    return FieldError(
        field=name, reason="unknown_field_but", parameters=(called[meant],)
    )


def read_texts(
    fields: Mapping[str, Field], texts: Mapping[str, str]
) -> tuple[dict[str, Any], list[FieldError]]:
    """As `read_fields`, from the texts of a query; unknown parameters are ignored."""
    values = {
        name: _value(fields[name].spec, text)
        for name, text in texts.items()
        if name in fields
    }
    return read_fields(fields, values)


def _value(spec: Spec, text: str) -> object:
    """The JSON value that `text` stands for, or the text itself."""
    match spec:
        case Whole() if WHOLE.fullmatch(text):
            return int(text)
        case Flag() if text in ("true", "false"):
            return text == "true"
        case _:
            return text
