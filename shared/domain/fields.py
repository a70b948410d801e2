"""How a field of a JSON body or a query is read: a spec that parses, and tells how.

The same specs give the request parser its rules and OpenAPI its schema.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from shared.domain.errors import FieldError

WHOLE = re.compile("-?[0-9]{1,15}")
LONGEST_ADDRESS = 2048
HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
ADDRESS = r"^https://[A-Za-z0-9._-]+(:[1-9][0-9]{0,3})?([/?#][!-~]*)?$"


class Wrong(Exception):
    """The value is not what the spec takes; `reason` is a key of `messages.py`."""

    def __init__(self, reason: str, *parameters: object) -> None:
        super().__init__(reason)
        self.reason, self.parameters = reason, parameters


class Spec(Protocol):
    """Reads one JSON value, or raises `Wrong`."""

    def parse(self, value: object) -> object: ...

    def schema(self) -> dict[str, object]: ...


@runtime_checkable
class FormSpec(Protocol):
    """A spec whose value is another one in a form: a file."""

    def form_schema(self) -> dict[str, object]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string of 1 to `longest` UTF-16 code units (as Runway and browsers count)."""

    longest: int

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        try:
            units = len(value.encode("utf-16-le")) // 2
        except UnicodeEncodeError:
            raise Wrong("not_a_string") from None
        if not value.strip():
            raise Wrong("empty")
        if units > self.longest:
            raise Wrong("too_long", self.longest)
        return value

    def schema(self) -> dict[str, object]:
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": self.longest,
            "pattern": r"\S",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsAddress:
    """An https address with a host and no user name, of at most 2048 characters.

    The schema leaves out what nobody sends: hosts in brackets, and ports from 10000.
    """

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        if (
            len(value) > LONGEST_ADDRESS
            or not value.isascii()
            or not value.isprintable()
        ):
            raise Wrong("not_https")
        try:
            parts = urlsplit(value)
            is_named = HOST.fullmatch(parts.netloc) and parts.port != 0
        except ValueError:
            raise Wrong("not_https") from None
        if parts.scheme != "https" or not is_named or " " in value:
            raise Wrong("not_https")
        return value

    def schema(self) -> dict[str, object]:
        return {
            "type": "string",
            "format": "uri",
            "pattern": ADDRESS,
            "maxLength": LONGEST_ADDRESS,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """Letters, digits, `_` and `-`, 1 to `longest` of them."""

    longest: int

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        plain = value.replace("_", "a").replace("-", "a")
        if not (plain.isascii() and plain.isalnum() and len(value) <= self.longest):
            raise Wrong("not_an_identifier")
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": rf"^[A-Za-z0-9_-]{{1,{self.longest}}}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number in a range; 8.0 is one, as in JSON Schema; true is not."""

    least: int
    most: int

    def parse(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong("not_a_whole_number")
        if not self.least <= value <= self.most:
            raise Wrong("out_of_range", self.least, self.most)
        if value != int(value):
            raise Wrong("not_a_whole_number")
        return int(value)

    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a closed set of strings."""

    values: tuple[str, ...]

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise Wrong("not_one_of", ", ".join(self.values))
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """true or false."""

    def parse(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise Wrong("not_true_or_false")
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day as YYYY-MM-DD, and in no other of the ISO's ways."""

    def parse(self, value: object) -> date:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise Wrong("not_a_day") from None
        if day.isoformat() != value:
            raise Wrong("not_a_day")
        return day

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field's spec, whether it must be there, and what it is when it is not."""

    spec: Spec
    required: bool = False
    default: object = None
    nullable: bool = False

    def parse(self, value: object) -> object:
        if value is None and self.nullable:
            return None
        return self.spec.parse(value)


def read_fields(
    fields: Mapping[str, Field], body: Mapping[str, object]
) -> tuple[dict[str, Any], list[FieldError]]:
    """Every readable field's value by name, and an error for each wrong one.

    Each value has the type that its spec's `parse` returns.
    """
    errors = [
        FieldError(field=name, reason="unknown_field")
        for name in sorted(body.keys() - fields)
    ]
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


def read_texts(
    fields: Mapping[str, Field], texts: Mapping[str, str]
) -> tuple[dict[str, Any], list[FieldError]]:
    """As `read_fields`, from the texts of a query; parameters not known are ignored."""
    values = {
        name: _value(fields[name].spec, text)
        for name, text in texts.items()
        if name in fields
    }
    return read_fields(fields, values)


def _value(spec: Spec, text: str) -> object:
    """What JSON would hold where the query holds `text`; else the text, as it is."""
    match spec:
        case Whole() if WHOLE.fullmatch(text):
            return int(text)
        case Flag() if text in ("true", "false"):
            return text == "true"
        case _:
            return text
