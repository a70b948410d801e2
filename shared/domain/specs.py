"""How one value of a request is read, and how OpenAPI describes it.

One spec does both, so the description can't drift from the parser.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Protocol, runtime_checkable
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import Struct

from shared.domain.image_type import IMAGE_TYPES, JPEG
from shared.domain.public_address import is_address, is_public

LONGEST_ADDRESS = 2048
# A letter becomes up to twelve characters; no server is sent more than this.
LONGEST_ENCODED = 8192
SAFE_IN_ADDRESS = "/%:@!$&'()*+,;=~?[]"
# Controls, surrogates, and separators of lines.
_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})
HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
# Letters by their category, yet drawn as nothing: Hangul's fillers, Braille's blank.
BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


class Wrong(Exception):
    """The value is not what the spec takes; `reason` is a key of `messages.py`."""

    def __init__(self, reason: str, *parameters: object) -> None:
        super().__init__(reason)
        self.reason, self.parameters = reason, parameters


class Spec(Protocol):
    """Reads one JSON value, or raises `Wrong`.

    A schema with a title is described once and referred to from then on.
    """

    def parse(self, value: object) -> object: ...

    def schema(self) -> dict[str, object]: ...


@runtime_checkable
class FormSpec(Protocol):
    """A spec whose value in a form is not the one in JSON: a file."""

    def form_schema(self) -> dict[str, object]: ...


class Text(Struct, frozen=True, kw_only=True):
    """A string of 1 to `longest` UTF-16 code units, in Unicode's form NFC.

    UTF-16 is what browsers and Runway count. At least one character is visible, and
    none is a control character other than newline and tab.
    """

    longest: int

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        text = unicodedata.normalize("NFC", value.replace("\r\n", "\n"))
        try:
            units = utf16_units(text)
        except UnicodeEncodeError:
            raise Wrong("not_a_string") from None
        if units > self.longest:
            raise Wrong("too_long", self.longest)
        if not any(map(_is_visible, text)):
            raise Wrong("empty")
        if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text):
            raise Wrong("control_character")
        return text

    def schema(self) -> dict[str, object]:
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": self.longest,
            "pattern": r"\S",
        }


def utf16_units(text: str) -> int:
    """How browsers and Runway count a text's length."""
    return len(text.encode("utf-16-le")) // 2


def _is_visible(character: str) -> bool:
    """Marks join a letter before them; controls, formats and spaces draw nothing."""
    return unicodedata.category(character)[0] not in "CMZ" and character not in BLANKS


class HttpsAddress(Struct, frozen=True, kw_only=True):
    """An https URL with a host and no user name, of at most 2048 characters.

    One with letters outside ASCII, as browsers show and people paste it, becomes the
    URL that is sent: its host by IDNA, the rest percent-encoded.
    """

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        if len(value) > LONGEST_ADDRESS:
            raise Wrong("long_address", LONGEST_ADDRESS)
        if "\\" in value or not _is_one_line(value):
            raise Wrong("not_https")
        try:
            address = _encoded(value)
            parts = urlsplit(address)
            is_named = HOST.fullmatch(parts.netloc) and parts.port != 0
        except ValueError:
            raise Wrong("not_https") from None
        if parts.scheme == "https" and "@" in parts.netloc:
            raise Wrong("with_password")
        if parts.scheme != "https" or not is_named:
            raise Wrong("not_https")
        if len(address) > LONGEST_ENCODED:
            raise Wrong("long_address", LONGEST_ADDRESS)
        if _is_private(parts.hostname or ""):
            raise Wrong("not_public")
        return address

    def schema(self) -> dict[str, object]:
        return {
            "type": "string",
            "format": "uri",
            "pattern": "^https://",
            "maxLength": LONGEST_ADDRESS,
        }


def _is_private(host: str) -> bool:
    """By what is written: what a name leads to is checked when it is called."""
    if is_address(host):
        return not is_public(host)
    return "localhost" in (host, host.rpartition(".")[2])


def _is_one_line(value: str) -> bool:
    has_break = any(unicodedata.category(letter) in _BREAKS for letter in value)
    return not has_break and value == value.strip()


def _encoded(address: str) -> str:
    """ValueError where the host can't be a name. What is encoded already stays."""
    if address.isascii() and " " not in address:
        return address
    parts = urlsplit(address)
    netloc = parts.netloc
    if not netloc.isascii():
        host, colon, port = netloc.partition(":")
        netloc = host.encode("idna").decode() + colon + port
    return urlunsplit(
        (
            parts.scheme,
            netloc,
            quote(parts.path, safe=SAFE_IN_ADDRESS),
            quote(parts.query, safe=SAFE_IN_ADDRESS),
            quote(parts.fragment, safe=SAFE_IN_ADDRESS),
        )
    )


class Identifier(Struct, frozen=True, kw_only=True):
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


class Whole(Struct, frozen=True, kw_only=True):
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


class ByteCount(Struct, frozen=True, kw_only=True):
    """A size in bytes, from 1 to a whole number of megabytes."""

    most_megabytes: int

    def parse(self, value: object) -> int:
        most = self.most_megabytes * 1_000_000
        try:
            return Whole(least=1, most=most).parse(value)
        except Wrong as wrong:
            if wrong.reason != "out_of_range":
                raise
            raise Wrong("not_a_size", self.most_megabytes) from None

    def schema(self) -> dict[str, object]:
        return Whole(least=1, most=self.most_megabytes * 1_000_000).schema()


class Choice(Struct, frozen=True, kw_only=True):
    """One of a closed set of strings; `title` names the set where several share it."""

    values: tuple[str, ...]
    title: str | None = None

    def parse(self, value: object) -> str:
        if isinstance(value, str) and value in self.values:
            return value
        choices, meant = ", ".join(self.values), nearest(str(value), self.values)
        raise (
            Wrong("not_one_of_but", choices, meant)
            if meant
            else Wrong("not_one_of", choices)
        )

    def schema(self) -> dict[str, object]:
        schema: dict[str, object] = {"type": "string", "enum": list(self.values)}
        return schema | ({"title": self.title} if self.title else {})


class ImageType(Struct, frozen=True, kw_only=True):
    """A type of image that is taken; `image/jpg`, which some send, is image/jpeg."""

    def parse(self, value: object) -> str:
        if value in ("image/heic", "image/heif"):
            raise Wrong("heic")
        if value == "image/jpg":
            return JPEG
        if not isinstance(value, str) or value not in IMAGE_TYPES:
            # Without a suggestion: another image's type is no typing error.
            raise Wrong("not_one_of", ", ".join(IMAGE_TYPES))
        return value

    def schema(self) -> dict[str, object]:
        return Choice(values=(*IMAGE_TYPES, "image/jpg"), title="ImageType").schema()


def nearest(name: str, known: Iterable[str]) -> str | None:
    """What somebody who wrote `name` most likely meant, if anything is near."""
    from difflib import get_close_matches

    name, names = name.lower()[:64], list(known)
    if inside := [n for n in names if len(name) > 2 and (name in n or n in name)]:
        return inside[0]
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
    """An object of strings by name, which the caller gets back as it is.

    Firestore keeps names with two underscores at both ends to itself.
    """

    most: int
    longest_name: int
    longest_value: int

    def parse(self, value: object) -> Mapping[str, str]:
        if not isinstance(value, Mapping) or len(value) > self.most:
            raise self._wrong()
        for name, text in value.items():
            if not isinstance(text, str) or len(text) > self.longest_value:
                raise self._wrong()
            if not 0 < len(name) <= self.longest_name or name.startswith("__"):
                raise self._wrong()
        return dict(value)

    def _wrong(self) -> Wrong:
        return Wrong("not_pairs", self.most, self.longest_name, self.longest_value)

    def schema(self) -> dict[str, object]:
        return {
            "type": "object",
            "maxProperties": self.most,
            "propertyNames": {
                "minLength": 1,
                "maxLength": self.longest_name,
                "pattern": "^(_?[^_]|_$)",
            },
            "additionalProperties": {"type": "string", "maxLength": self.longest_value},
        }


class Day(Struct, frozen=True, kw_only=True):
    """A day as YYYY-MM-DD; the other spellings of ISO 8601 are refused."""

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
