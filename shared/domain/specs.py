"""Specs: each parses one kind of value in a request and gives its OpenAPI schema.

The parser decides. It also refuses what JSON Schema can't express, such as a text of
more UTF-16 code units than `maxLength` allows characters.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Protocol

from msgspec import Struct

from shared.domain.image_type import IMAGE_TYPES, JPEG

# NFC turns at most four code units into one.
MAX_SHRINKING = 4
# As in Unicode's Stream-Safe Text Format. Sorting combining marks takes quadratic time,
# during which no other thread runs: 50,000 of them stopped an instance for half a
# minute.
MAX_MARKS = 30
# Letters or symbols by category that are invisible: Hangul's fillers, Braille's blank,
# music's null notehead, and what stands for a pasted image.
BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159\ufffc")


class Wrong(Exception):
    """The value doesn't fit the spec; `reason` is a key of refusals.FIELDS."""

    def __init__(self, reason: str, *parameters: object) -> None:
        super().__init__(reason)
        self.reason, self.parameters = reason, parameters


class Spec(Protocol):
    """Parses one JSON value, or raises `Wrong`.

    A schema with a title becomes one component of OpenAPI, to which others refer.
    """

    def parse(self, value: object) -> object: ...

    def schema(self) -> dict[str, object]: ...


class Text(Struct, frozen=True, kw_only=True):
    """A string of 1 to `max_units` UTF-16 code units, in Unicode's form NFC.

    UTF-16 is what browsers and Runway count. At least one character is visible, and
    none is a control character other than newline and tab.
    """

    max_units: int

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        text = value.replace("\r\n", "\n")
        if len(text) > MAX_SHRINKING * self.max_units:
            raise Wrong("too_long", self.max_units)
        if not has_endless_marks(text):
            text = unicodedata.normalize("NFC", text)
        try:
            units = utf16_units(text)
        except UnicodeEncodeError:
            raise Wrong("not_a_string") from None
        if units > self.max_units:
            raise Wrong("too_long", self.max_units)
        if not any(map(_is_visible, text)):
            raise Wrong("empty")
        if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text):
            raise Wrong("control_character")
        return text

    def schema(self) -> dict[str, object]:
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": self.max_units,
            "pattern": r"\S",
        }


def has_endless_marks(text: str) -> bool:
    """Whether it has more combining marks in a row than any language uses."""
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks > MAX_MARKS:
            return True
    return False


def utf16_units(text: str) -> int:
    """The length of a text as browsers and Runway count it."""
    return len(text.encode("utf-16-le")) // 2


def _is_visible(character: str) -> bool:
    """Controls, formats and spaces are invisible, and so is a mark without a letter."""
    return unicodedata.category(character)[0] not in "CMZ" and character not in BLANKS


class Identifier(Struct, frozen=True, kw_only=True):
    """Letters, digits, `_` and `-`, 1 to `max_length` of them."""

    max_length: int

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        if not re.fullmatch(self._pattern, value):
            raise Wrong("not_an_identifier")
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": f"^{self._pattern}$"}

    @property
    def _pattern(self) -> str:
        return f"[A-Za-z0-9_-]{{1,{self.max_length}}}"


class Whole(Struct, frozen=True, kw_only=True):
    """An integer in a range. As in JSON Schema, 8.0 is one and true is not."""

    minimum: int
    maximum: int

    def parse(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong("not_a_whole_number")
        if not self.minimum <= value <= self.maximum:
            raise Wrong("out_of_range", self.minimum, self.maximum)
        if value != int(value):
            raise Wrong("not_a_whole_number")
        return int(value)

    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


class ByteCount(Struct, frozen=True, kw_only=True):
    """A size in bytes, from 1 to a whole number of megabytes."""

    max_megabytes: int

    def parse(self, value: object) -> int:
        max_bytes = self.max_megabytes * 1_000_000
        try:
            return Whole(minimum=1, maximum=max_bytes).parse(value)
        except Wrong as wrong:
            if wrong.reason != "out_of_range":
                raise
            raise Wrong("not_a_size", self.max_megabytes) from None

    def schema(self) -> dict[str, object]:
        return Whole(minimum=1, maximum=self.max_megabytes * 1_000_000).schema()


class Choice(Struct, frozen=True, kw_only=True):
    """One of a closed set of strings; `title` names the set where several share it."""

    values: tuple[str, ...]
    title: str | None = None

    def parse(self, value: object) -> str:
        if isinstance(value, str) and value in self.values:
            return value
        # Printing a list or an object could take long, or fail if it is nested deeply.
        given = str(value) if isinstance(value, str | int | float) else ""
        choices, meant = ", ".join(self.values), nearest(given, self.values)
        raise (
            Wrong("not_one_of_but", choices, meant)
            if meant
            else Wrong("not_one_of", choices)
        )

    def schema(self) -> dict[str, object]:
        schema: dict[str, object] = {"type": "string", "enum": list(self.values)}
        return schema | ({"title": self.title} if self.title else {})


class ImageType(Struct, frozen=True, kw_only=True):
    """An accepted image type; `image/jpg`, which some clients send, is image/jpeg."""

    def parse(self, value: object) -> str:
        if value in ("image/heic", "image/heif"):
            raise Wrong("heic")
        if value == "image/jpg":
            return JPEG
        if not isinstance(value, str) or value not in IMAGE_TYPES:
            # Without a suggestion: another image type is not a typing error.
            raise Wrong("not_one_of", ", ".join(IMAGE_TYPES))
        return value

    def schema(self) -> dict[str, object]:
        return Choice(values=(*IMAGE_TYPES, "image/jpg"), title="ImageType").schema()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` most likely stands for, if any is close."""
    from difflib import get_close_matches

    name, names = name[:64].lower(), list(known)
    if misspelt := get_close_matches(name, names, n=1, cutoff=0.85):
        return misspelt[0]  # before what "durations" merely contains: "ratio"
    words = [n for n in names if min(len(n), len(name)) > 2]
    if inside := [n for n in words if name in n or n in name]:
        return max(inside, key=lambda n: min(len(n), len(name)))
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.7)), None)


class Flag(Struct, frozen=True, kw_only=True):
    """true or false."""

    def parse(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise Wrong("not_true_or_false")
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}


class Pairs(Struct, frozen=True, kw_only=True):
    """An object of strings, returned to the caller unchanged.

    Firestore reserves names with two underscores at both ends.
    """

    max_pairs: int
    max_name_length: int
    max_value_length: int

    def parse(self, value: object) -> Mapping[str, str]:
        if not isinstance(value, Mapping) or len(value) > self.max_pairs:
            raise self._wrong()
        for name, text in value.items():
            if not isinstance(text, str) or len(text) > self.max_value_length:
                raise self._wrong()
            if not 0 < len(name) <= self.max_name_length or name.startswith("__"):
                raise self._wrong()
        return dict(value)

    def _wrong(self) -> Wrong:
        return Wrong(
            "not_pairs", self.max_pairs, self.max_name_length, self.max_value_length
        )

    def schema(self) -> dict[str, object]:
        return {
            "title": "Metadata",
            "type": "object",
            "description": "Your own strings.",
            "maxProperties": self.max_pairs,
            "propertyNames": {
                "minLength": 1,
                "maxLength": self.max_name_length,
                "pattern": "^(_?[^_]|_$)",
            },
            "additionalProperties": {
                "type": "string",
                "maxLength": self.max_value_length,
            },
        }


class Day(Struct, frozen=True, kw_only=True):
    """A date as YYYY-MM-DD; the other formats of ISO 8601 are refused."""

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
