"""Knows what Veo takes at predictLongRunning, and what it costs."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local.simulators.images import check_image
from local.simulators.object_store import ObjectMissingError, ObjectStore
from local.simulators.render import Shape

USD_PER_SECOND: Mapping[str, Mapping[str, str]] = {
    "veo-3.1-generate-001": {"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
    "veo-3.1-fast-generate-001": {"720p": "0.10", "1080p": "0.12", "4k": "0.30"},
    "veo-3.1-lite-generate-001": {"720p": "0.05", "1080p": "0.08"},
}
_SHORT_SIDE = {"720p": 720, "1080p": 1080, "4k": 2160}
_ASPECTS = ("16:9", "9:16")
_DURATIONS_SECONDS = (4, 6, 8)
_MOST_SAMPLES = 4


class RefusedOrderError(ValueError):
    """The message is what a 400 says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    prompt: str
    image: bytes = field(repr=False)
    shape: Shape
    storage_uri: str | None
    samples: int
    cost_usd: Decimal


def parse_prediction(content: bytes, model: str, store: ObjectStore) -> Prediction:
    """Raises RefusedOrderError or PictureError."""
    try:
        body = json.loads(content)
        [instance] = body["instances"]
        parameters = body.get("parameters", {})
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise RefusedOrderError("Exactly one instance is required.") from error
    resolution = _one_of(parameters, "resolution", "720p", USD_PER_SECOND[model])
    seconds = _one_of(parameters, "durationSeconds", 8, _DURATIONS_SECONDS)
    aspect = _one_of(parameters, "aspectRatio", "16:9", _ASPECTS)
    samples = _one_of(parameters, "sampleCount", 1, range(1, _MOST_SAMPLES + 1))
    if not isinstance(instance.get("prompt", ""), str):
        raise RefusedOrderError("The prompt is not a string.")
    price = Decimal(USD_PER_SECOND[model][resolution])
    return Prediction(
        prompt=instance.get("prompt", ""),
        image=_image(instance.get("image"), store),
        shape=shape_of(
            aspect,
            _SHORT_SIDE[resolution],
            seconds,
            parameters.get("generateAudio", True),
        ),
        storage_uri=parameters.get("storageUri"),
        samples=samples,
        cost_usd=price * seconds * samples,
    )


def shape_of(aspect: str, short_side: int, seconds: int, audio: Any) -> Shape:
    """16:9 or 9:16 with that short side."""
    long_side = short_side * 16 // 9
    upright = aspect == "9:16"
    return Shape(
        width=short_side if upright else long_side,
        height=long_side if upright else short_side,
        duration_seconds=seconds,
        audio=bool(audio),
    )


def _one_of(parameters: dict[str, Any], name: str, default: Any, allowed: Any) -> Any:
    value = parameters.get(name, default)
    if value not in allowed:
        raise RefusedOrderError(f"{name} {value!r} is not among {list(allowed)}.")
    return value


def _image(image: Any, store: ObjectStore) -> bytes:
    match image:
        case {"gcsUri": str() as uri, "mimeType": str()}:
            try:
                content = store.read(uri)
            except (ObjectMissingError, ValueError) as error:
                raise RefusedOrderError(f"Failed to read {uri}: not found.") from error
        case {"bytesBase64Encoded": str() as text, "mimeType": str()}:
            try:
                content = base64.b64decode(text, validate=True)
            except binascii.Error as error:
                raise RefusedOrderError("The image is not valid base64.") from error
        case _:
            raise RefusedOrderError(
                "An image with gcsUri or bytes and a mimeType is needed."
            )
    check_image(content)
    return content
