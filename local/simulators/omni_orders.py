"""Knows what Gemini Omni takes at interactions, and what it costs."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local.simulators.images import check_image
from local.simulators.render import Shape
from local.simulators.veo_orders import RefusedOrderError, shape_of

_SHORT_SIDE = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    longest_seconds: int
    usd_per_second: dict[str, str]


MODELS = {
    "gemini-omni-1.2-flash": _Model(
        longest_seconds=15,
        usd_per_second={
            "360p": "0.023",
            "720p": "0.07",
            "1080p": "0.105",
            "4k": "0.21",
        },
    ),
    "gemini-omni-1.1-flash": _Model(
        longest_seconds=10,
        usd_per_second={"360p": "0.03", "720p": "0.10", "1080p": "0.15", "4k": "0.30"},
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    model: str
    prompt: str
    image: bytes = field(repr=False)
    shape: Shape
    inline: bool
    cost_usd: Decimal


def parse_creation(body: dict[str, Any]) -> Creation:
    """Raises RefusedOrderError or PictureError."""
    wanted = body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") != "video":
        raise RefusedOrderError("response_format must be of type video.")
    model = MODELS[body["model"]]
    resolution = wanted.get("resolution", "720p")
    aspect, delivery = wanted.get("aspect_ratio", "16:9"), wanted.get("delivery")
    if resolution not in _SHORT_SIDE or aspect not in ("16:9", "9:16"):
        raise RefusedOrderError("Invalid resolution or aspect_ratio.")
    if delivery not in (None, "inline", "uri"):
        raise RefusedOrderError("Invalid delivery.")
    seconds = _seconds(wanted.get("duration", "8s"), model.longest_seconds)
    prompt, image = _input(body.get("input"))
    return Creation(
        model=body["model"],
        prompt=prompt,
        image=image,
        shape=shape_of(aspect, _SHORT_SIDE[resolution], seconds, audio=True),
        inline=delivery != "uri",
        cost_usd=Decimal(model.usd_per_second[resolution]) * seconds,
    )


def _seconds(text: object, longest: int) -> int:
    matched = re.fullmatch(r"(\d+)s", str(text))
    if matched is None or not 3 <= int(matched[1]) <= longest:
        raise RefusedOrderError(f"duration must be 3s to {longest}s, in whole seconds.")
    return int(matched[1])


def _input(steps: Any) -> tuple[str, bytes]:
    """The text and the image of the one user_input step."""
    match steps:
        case [{"type": "user_input", "content": [*parts]}] | [*parts]:
            by_type = {part.get("type"): part for part in parts}
        case _:
            raise RefusedOrderError("input must hold an image and a text.")
    try:
        text = by_type["text"]["text"]
        image = base64.b64decode(by_type["image"]["data"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise RefusedOrderError("input must hold an image and a text.") from error
    check_image(image)
    return text, image
