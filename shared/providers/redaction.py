"""How a vendor's words are kept: short, and without keys, prompts or images."""

import json
import re

MOST_CHARACTERS = 300
_SHORTEST_SECRET = 3

_REDACTIONS = (
    (re.compile(r"data:[\w/+.-]+;base64,[\w+/=-]*"), "data:…"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer …"),
    (re.compile(r"\b(ya29\.|AIza|key_)[\w.-]+"), "…"),
    (re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']*"), r"\1?…"),
    (re.compile(r"[\w+/=-]{200,}"), "…"),
)


def redact(text: str, *secrets: str) -> str:
    """At most 300 characters of `text`, without keys, images and each of `secrets`."""
    text = hide(text, *secrets)
    for pattern, instead in _REDACTIONS:
        text = pattern.sub(instead, text)
    return " ".join(text.split())[:MOST_CHARACTERS]


def hide(text: str, *secrets: str) -> str:
    """All of `text` without `secrets`, so that a prompt can't pass for an answer."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = _without(text, secret)
    return text


def _without(text: str, secret: str) -> str:
    """As it is, as JSON writes it and as Python does."""
    for form in {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}:
        # Whole words only: the prompt "cat" must not make "category" unreadable.
        text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "…", text)
    return text


def describe(error: BaseException, *secrets: str) -> str:
    """An exception's class and message, redacted."""
    return redact(f"{type(error).__name__}: {error}", *secrets)
