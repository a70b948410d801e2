"""The spec of an https URL in a request, and the encoding of letters outside ASCII."""

import re
import unicodedata
from encodings.idna import nameprep
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import Struct

from shared.domain.errors import NotPublic
from shared.domain.public_address import require_public_host
from shared.domain.specs import Wrong, has_endless_marks

MAX_ADDRESS_LENGTH = 2048
# Encoding turns a letter into up to twelve characters; no URL longer than this is sent.
MAX_ENCODED_LENGTH = 8192
# The limit of DNS, in characters; a letter outside ASCII takes several of them.
MAX_HOST_LENGTH = 253
SAFE_IN_ADDRESS = "/%:@!$&'()*+,;=~?[]"
# Unicode categories: controls, surrogates, line and paragraph separators.
_BREAK_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
# A label with a letter or a joiner that browsers keep. Python's IDNA is that of 2003:
# straße.de would become strasse.de, which may be somebody else's.
_IN_LABEL = "[^.\u3002\uff0e\uff61]*"
_KEPT_LABEL = re.compile(f"{_IN_LABEL}[ßẞς\u200c\u200d]{_IN_LABEL}")
_MAPPED = re.compile("[^ßς\u200c\u200d]+")


class HttpsAddress(Struct, frozen=True, kw_only=True):
    """An https URL with a host and no user name, of at most 2048 characters.

    The host is public, as far as its text shows: what it resolves to is checked when
    it is called. Letters outside ASCII, as browsers show and people paste them, are
    encoded: in the host by IDNA, elsewhere as percent-encoding.
    """

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("not_a_string")
        if value[:8].lower() != "https://":
            raise Wrong("not_https")
        if len(value) > MAX_ADDRESS_LENGTH:
            raise Wrong("long_address", MAX_ADDRESS_LENGTH)
        if "\\" in value or not _is_one_line(value) or has_endless_marks(value):
            raise Wrong("not_https")
        try:
            address = _encoded(value)
            parts = urlsplit(address)
            is_named = HOST.fullmatch(parts.netloc) and parts.port != 0
        except ValueError:
            raise Wrong("not_https") from None
        if "@" in parts.netloc:
            raise Wrong("with_password")
        if not is_named:
            raise Wrong("not_https")
        if len(address) > MAX_ENCODED_LENGTH:
            raise Wrong("long_address", MAX_ADDRESS_LENGTH)
        try:
            require_public_host(parts.hostname or "")
        except NotPublic:
            raise Wrong("not_public") from None
        return address

    def schema(self) -> dict[str, object]:
        return {
            "type": "string",
            "format": "uri",
            "pattern": "^https://",
            "maxLength": MAX_ADDRESS_LENGTH,
        }


def _is_one_line(value: str) -> bool:
    has_break = any(
        unicodedata.category(letter) in _BREAK_CATEGORIES for letter in value
    )
    return not has_break and value == value.strip()


def _encoded(address: str) -> str:
    """ValueError if the host can't be a name. What is already encoded is kept."""
    if address.isascii() and " " not in address:
        return address
    parts = urlsplit(address)
    netloc = parts.netloc
    if not netloc.isascii():
        host, colon, port = netloc.partition(":")
        if len(host) > MAX_HOST_LENGTH:  # IDNA took a second for a thousand letters
            raise ValueError("the host is longer than any name")
        netloc = ascii_host(host) + colon + port
    return urlunsplit(
        (
            parts.scheme,
            netloc,
            quote(parts.path, safe=SAFE_IN_ADDRESS),
            quote(parts.query, safe=SAFE_IN_ADDRESS),
            quote(parts.fragment, safe=SAFE_IN_ADDRESS),
        )
    )


def ascii_host(host: str) -> str:
    """As DNS knows it; UnicodeError if it can't be a name."""
    return _KEPT_LABEL.sub(_punycode, host).encode("idna").decode()


def _punycode(label: re.Match[str]) -> str:
    letters = _MAPPED.sub(lambda part: nameprep(part[0]), label[0].replace("ẞ", "ß"))
    return f"xn--{letters.encode('punycode').decode()}"
