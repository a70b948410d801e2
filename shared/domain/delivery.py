"""Compares a delivered video with what was ordered."""

from shared.domain.catalogue import AspectRatio, Resolution
from shared.domain.request import VideoRequest

# Vendors count in frames and round; a larger difference is a different product.
_TOLERANCE_SECONDS = 0.5
_TOLERANCE_SHARE = 0.1
# 1584 x 672 is sold as 21:9 in 720p, 1104 x 832 as 4:3.
_TOLERANCE_OF_RATIO = 0.03
_MIN_SHARE_OF_HEIGHT = 0.9
_SHORT_SIDE = {Resolution.P720: 720, Resolution.P1080: 1080}


def difference(
    request: VideoRequest,
    *,
    ordered_seconds: int,
    ordered_ratio: AspectRatio,
    duration_seconds: float,
    width: int,
    height: int,
    has_audio: bool,
    audio_seconds: float,
) -> str | None:
    """How the video differs from the order, or None.

    `ordered_seconds` and `ordered_ratio` are what the provider was asked for.
    Where the request asks for sound, it must last as long as the images; where it asks
    for none, there must be none; where it doesn't matter, either is accepted.
    """
    tolerance = max(_TOLERANCE_SECONDS, ordered_seconds * _TOLERANCE_SHARE)
    if abs(duration_seconds - ordered_seconds) > tolerance:
        return f"it has {duration_seconds:.1f} seconds, not {ordered_seconds}"
    ordered = ordered_ratio.number
    if abs(width / height - ordered) > ordered * _TOLERANCE_OF_RATIO:
        return f"it has {width}x{height} pixels, not {ordered_ratio}"
    if min(width, height) < _SHORT_SIDE[request.resolution] * _MIN_SHARE_OF_HEIGHT:
        return f"it has {width}x{height} pixels, not {request.resolution}"
    if request.audio is not None and request.audio != has_audio:
        return "it has sound" if has_audio else "it has no sound"
    if request.audio and audio_seconds < duration_seconds - tolerance:
        return (
            f"it has {audio_seconds:.1f} seconds of sound, not {duration_seconds:.1f}"
        )
    return None
