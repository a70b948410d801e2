"""Validates orders at Runway's POST /v1/image_to_video and /v1/text_to_video.

Source of limits: types of runwayml 5.24.0; docs.dev.runwayml.com/assets/inputs.
"""

import json
import re
import uuid
from decimal import Decimal
from typing import Any

from werkzeug import Request

from local.fault_kinds import ProviderId
from local.simulators.images import ImageError, from_base64, stand_in
from local.simulators.render import Shape
from local.simulators.vendor_backend import VideoOrder

USD_PER_CREDIT = Decimal("0.01")
CREDITS_PER_SECOND = {"gen4_turbo": 5, "gen4.5": 12}
_SDK_AGENT = "RunwayML/Python"
_RATIOS = ("1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672")
_NEEDED = {
    "gen4_turbo": ("promptImage", "ratio"),
    "gen4.5": ("promptImage", "promptText", "ratio", "duration"),
}
# For text to video.
_TEXT_RATIOS = _RATIOS[:2]
_NEEDED_FOR_TEXT = {"gen4.5": ("promptText", "ratio", "duration")}
# gen4_turbo's default duration isn't documented.
_DEFAULT_DURATION_SECONDS = 5
_MAX_DATA_URI_LENGTH, _MAX_PROMPT_UNITS = 5_000_000, 1000
_DATA_URI = re.compile(r"data:image/(?:jpeg|jpg|png|webp);base64,(.+)", re.S)
_MAX_SEED = 2**32 - 1


class InvalidOrderError(ValueError):
    """It is invalid. `issues`: those of the 400, each `{"code", "path", "message"}`."""

    def __init__(self, *issues: dict[str, object]) -> None:
        super().__init__("Validation of body failed")
        self.issues = list(issues)


def order_of(request: Request) -> VideoOrder:
    """Raises InvalidOrderError with all that is wrong."""
    try:
        body = json.loads(request.get_data())
    except ValueError as error:
        raise InvalidOrderError(issue_at("body", "Invalid JSON")) from error
    if not isinstance(body, dict):
        raise InvalidOrderError(issue_at("body", "Expected object"))
    model: Any = body.get("model")
    is_text = request.path.endswith("/text_to_video")
    needed = _NEEDED_FOR_TEXT if is_text else _NEEDED
    if model not in needed:
        raise InvalidOrderError(issue_at("model", f"Invalid model {model!r}"))
    issues = [issue_at(name, "Required") for name in needed[model] if name not in body]
    issues += _wrong_values(body, _TEXT_RATIOS if is_text else _RATIOS)
    if is_text and "promptImage" in body:
        issues.append(issue_at("promptImage", "Unrecognized key"))
    image = stand_in()
    if "promptImage" in body and not is_text:
        image = _image(str(body["promptImage"]), issues)
    if issues:
        raise InvalidOrderError(*issues)
    width, height = (int(side) for side in body["ratio"].split(":"))
    seconds = body.get("duration", _DEFAULT_DURATION_SECONDS)
    return VideoOrder(
        provider=provider_of(request),
        task_id=str(uuid.uuid4()),
        model=model,
        prompt=body.get("promptText", ""),
        image=image,
        shape=Shape(width=width, height=height, duration_seconds=seconds),
        cost_usd=CREDITS_PER_SECOND[model] * seconds * USD_PER_CREDIT,
    )


def _wrong_values(
    body: dict[str, Any], ratios: tuple[str, ...]
) -> list[dict[str, object]]:
    text, seconds = body.get("promptText", "-"), body.get("duration", 2)
    seed = body.get("seed", 0)
    is_text = isinstance(text, str)
    checks = {
        "promptText": is_text
        and 1 <= len(text.encode("utf-16-le")) // 2 <= _MAX_PROMPT_UNITS,
        "ratio": body.get("ratio", ratios[0]) in ratios,
        "duration": type(seconds) is int and 2 <= seconds <= 10,
        "seed": type(seed) is int and 0 <= seed <= _MAX_SEED,
    }
    return [
        issue_at(name, "Invalid value") for name, good in checks.items() if not good
    ]


def _image(uri: str, issues: list[dict[str, object]]) -> bytes:
    try:
        if len(uri) > _MAX_DATA_URI_LENGTH:
            raise ImageError("Data URI exceeds 5 MB")
        matched = _DATA_URI.fullmatch(uri)
        if matched is None:
            raise ImageError("Only image data URIs are accepted here")
        return from_base64(matched[1])
    except ImageError as error:
        issues.append(issue_at("promptImage", str(error)))
        return b""


def provider_of(request: Request) -> ProviderId:
    is_sdk = request.headers.get("user-agent", "").startswith(_SDK_AGENT)
    return ProviderId.RUNWAY if is_sdk else ProviderId.RUNWAY_HTTP


def issue_at(name: str, message: str) -> dict[str, object]:
    return {"code": "custom", "path": [name], "message": message}
