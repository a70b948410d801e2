"""How an image is fitted to a video: minimum size, crop and nearest aspect ratio."""

from collections.abc import Sequence
from math import log

from msgspec import Struct

from shared.domain.catalogue import AspectRatio

# No vendor states a minimum (Runway's page on inputs and Google's on image-to-video,
# read in November 2026, name none); a smaller image has too little to start from.
MIN_SIDE_PIXELS = 128
# Runway refuses what is wider than 2:1 or taller than 1:2.
MAX_RATIO = 2


class Crop(Struct, frozen=True, kw_only=True):
    """The part of an upright image that is used, in pixels from its top left corner."""

    x: int
    y: int
    width: int
    height: int


def crop_of(width: int, height: int) -> Crop | None:
    """The centred part of an image of this size that is kept; None: all of it."""
    kept_width = min(width, height * MAX_RATIO)
    kept_height = min(height, width * MAX_RATIO)
    if (kept_width, kept_height) == (width, height):
        return None
    return Crop(
        x=(width - kept_width) // 2,
        y=(height - kept_height) // 2,
        width=kept_width,
        height=kept_height,
    )


def nearest_ratio(
    width: int, height: int, ratios: Sequence[AspectRatio]
) -> AspectRatio:
    """The one of `ratios` that crops an image of this size the least."""
    return min(ratios, key=lambda ratio: abs(log(width / height / ratio.number)))
