"""Knows what Runway takes at POST /v1/image_to_video, and how it refuses the rest.

Source of limits: types of runwayml 5.24.0, docs.dev.runwayml.com/assets/inputs.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from local.simulators.images import (
    ImageError,
    check_image,
    stand_in,
)
from local.simulators.render import Shape

_RATIOS = ("1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672")
CREDITS_PER_SECOND = {"gen4_turbo": 5, "gen4.5": 12}
_NEEDED = {
    "gen4_turbo": ("promptImage", "ratio"),
    "gen4.5": ("promptImage", "promptText", "ratio", "duration"),
}
# Which duration gen4_turbo takes when none is given isn't documented.
_DEFAULT_DURATION_SECONDS = 5
_LONGEST_DATA_URI = 5_000_000
_LONGEST_URL = 2048
_LONGEST_PROMPT_UNITS = 1000
_DATA_URI = re.compile(r"data:image/(?:jpeg|jpg|png|webp);base64,(.+)", re.S)
_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunwayOrder:
    model: str
    prompt: str
    image: bytes = field(repr=False)
    shape: Shape

    @property
    def credits(self) -> int:
        seconds = round(self.shape.duration_seconds)
        return CREDITS_PER_SECOND[self.model] * seconds


class RefusedOrderError(ValueError):
    """`issues`: what a 400 lists, `{"code", "path", "message"}` each."""

    def __init__(self, issues: list[dict[str, object]]) -> None:
        super().__init__("Validation of body failed")
        self.issues = issues


def parse_order(content: bytes) -> RunwayOrder:
    """Raises RefusedOrderError with all that is wrong."""
    try:
        body = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RefusedOrderError([issue_at("body", "Invalid JSON")]) from error
    if not isinstance(body, dict):
        raise RefusedOrderError([issue_at("body", "Expected object")])
    model = body.get("model")
    if model not in CREDITS_PER_SECOND:
        raise RefusedOrderError([issue_at("model", f"Invalid model {model!r}")])
    issues = [issue_at(name, "Required") for name in _NEEDED[model] if name not in body]
    issues += _wrong_values(body)
    image = _image(body["promptImage"], issues) if "promptImage" in body else b""
    if issues:
        raise RefusedOrderError(issues)
    return RunwayOrder(
        model=model,
        prompt=body.get("promptText", ""),
        image=image,
        shape=_shape(body),
    )


def _shape(body: dict[str, Any]) -> Shape:
    width, height = (int(side) for side in body["ratio"].split(":"))
    duration = body.get("duration", _DEFAULT_DURATION_SECONDS)
    return Shape(width=width, height=height, duration_seconds=duration)


def _wrong_values(body: dict[str, Any]) -> list[dict[str, object]]:
    text, duration = body.get("promptText", "-"), body.get("duration", 2)
    seed = body.get("seed", 0)
    checks = {
        "promptText": isinstance(text, str)
        and 1 <= len(text.encode("utf-16-le")) // 2 <= _LONGEST_PROMPT_UNITS,
        "ratio": body.get("ratio", _RATIOS[0]) in _RATIOS,
        "duration": type(duration) is int and 2 <= duration <= 10,
        "seed": type(seed) is int and 0 <= seed <= _LARGEST_SEED,
    }
    return [
        issue_at(name, "Invalid value") for name, good in checks.items() if not good
    ]


def _image(value: object, issues: list[dict[str, object]]) -> bytes:
    try:
        return _read_image(_uri(value))
    except ImageError as error:
        issues.append(issue_at("promptImage", str(error)))
        return b""


def _uri(value: object) -> str:
    match value:
        case str() as uri:
            return uri
        case [{"uri": str() as uri, "position": "first"}]:
            return uri
        case _:
            raise ImageError("Expected a URI or one image at position first")


def _read_image(uri: str) -> bytes:
    if uri.startswith("https://"):
        return _read_url(uri)
    if len(uri) > _LONGEST_DATA_URI:
        raise ImageError("Data URI exceeds 5 MB")
    matched = _DATA_URI.fullmatch(uri)
    if matched is None:
        raise ImageError("Only HTTPS URLs and image data URIs are accepted")
    try:
        content = base64.b64decode(matched[1], validate=True)
    except binascii.Error as error:
        raise ImageError("Invalid base64") from error
    check_image(content)
    return content


def _read_url(url: str) -> bytes:
    host = urlsplit(url).hostname or ""
    if len(url) > _LONGEST_URL or re.fullmatch(r"[\d.]+|.*:.*|", host):
        raise ImageError("URL must have a domain name and at most 2048 characters")
    return stand_in()


def issue_at(name: str, message: str) -> dict[str, object]:
    return {"code": "custom", "path": [name], "message": message}
