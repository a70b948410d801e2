"""Shortens vendors' messages, and removes keys, prompts and images from them."""

import json
import re
from collections.abc import Callable, Sequence
from itertools import takewhile

MAX_CHARACTERS = 300
_MIN_SECRET_LENGTH = 3
# A shorter start of a prompt may as well be the vendor's own words.
_MIN_QUOTE_LENGTH = 12
_END_OF_QUOTE = re.compile(r"(…|\.\.|['\"`])")

_REDACTIONS: Sequence[tuple[re.Pattern[str], str | Callable[..., str]]] = (
    (re.compile(r"data:[\w/+.-]+;base64,[\w+/=-]*"), "data:…"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer …"),
    (re.compile(r"\b(ya29\.|AIza|key_)[\w.-]+"), "…"),
    # Matched as a whole even without a query: searching again within it, for each
    # beginning of an address, would take quadratic time.
    (
        re.compile(r"(https?://[^\s?\"']+)(\?[^\s\"']*)?"),
        lambda url: f"{url[1]}?…" if url[2] else url[0],
    ),
    (re.compile(r"[\w+/=-]{200,}"), "…"),
)


def redact(text: str, *secrets: str) -> str:
    """At most 300 characters of `text`, without keys, images and any of `secrets`.

    Lone surrogates, which vendors leave where they truncate, are replaced, because no
    store accepts them.
    """
    text = without_secrets(text, *secrets)
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    short = " ".join(text.split())[:MAX_CHARACTERS]
    return short.encode(errors="replace").decode()


def without_secrets(text: str, *secrets: str) -> str:
    """`text` without `secrets`, so that a quoted prompt isn't read as the vendor's own
    words.
    """
    for secret in secrets:
        if len(secret) >= _MIN_SECRET_LENGTH:
            text = _without(text, secret)
    return text


def _without(text: str, secret: str) -> str:
    """Removes `secret` in its plain form and as JSON and Python would escape it."""
    forms = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    for form in forms:
        # Whole words only: the prompt "cat" must not turn "category" into "…egory".
        text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "…", text)
    return _without_start(text, forms)


def _without_start(text: str, forms: set[str]) -> str:
    """Removes a quote of one of `forms` that the vendor cut off."""
    quotes = [
        _common_start(form, text[at:])
        for form in forms
        if (at := text.find(form[:_MIN_QUOTE_LENGTH])) >= 0
    ]
    quote = max(quotes, key=len, default="")
    at = text.find(quote)
    end = at + len(quote)
    if len(quote) < _MIN_QUOTE_LENGTH or not _END_OF_QUOTE.match(text, end):
        return text
    return f"{text[:at]}…{text[end:]}"


def _common_start(one: str, other: str) -> str:
    pairs = zip(one, other, strict=False)
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def describe(error: BaseException, *secrets: str) -> str:
    """An exception's class and message, redacted."""
    return redact(f"{type(error).__name__}: {error}", *secrets)
