"""What a delivered video shows, compared with what was ordered."""

from shared.domain.catalogue import AspectRatio
from shared.domain.request import VideoRequest
from shared.domain.structs import PartialRepr

# Vendors count in frames and round; a larger difference is a different product.
_TOLERANCE_SECONDS = 0.5
_TOLERANCE_SHARE = 0.1
# 1584 x 672 is sold as 21:9 in 720p, 1104 x 832 as 4:3.
_TOLERANCE_OF_RATIO = 0.03
_MIN_SHARE_OF_HEIGHT = 0.9


class VideoFacts(PartialRepr, frozen=True, kw_only=True):
    """What a player shows of an MP4. `duration_seconds`: that of the video track.

    `width` and `height`: as displayed, after rotation and pixel aspect ratio.
    `audio_seconds`: how much of the displayed time has sound. `poster`: the first
    frame, a JPEG; empty if none could be made.
    """

    hidden_fields = ("poster",)

    duration_seconds: float
    width: int
    height: int
    has_audio: bool
    audio_seconds: float = 0.0
    poster: bytes = b""


def difference(
    request: VideoRequest,
    facts: VideoFacts,
    *,
    ordered_seconds: int,
    ordered_ratio: AspectRatio,
) -> str | None:
    """How the video differs from the order, or None.

    `ordered_seconds` and `ordered_ratio` are what the provider was asked for.
    Where the request asks for sound, it must last as long as the images; where it asks
    for none, there must be none; where it doesn't matter, either is accepted.
    """
    width, height, seconds = facts.width, facts.height, facts.duration_seconds
    tolerance = max(_TOLERANCE_SECONDS, ordered_seconds * _TOLERANCE_SHARE)
    if abs(seconds - ordered_seconds) > tolerance:
        return f"it has {seconds:.1f} seconds, not {ordered_seconds}"
    ordered = ordered_ratio.number
    if abs(width / height - ordered) > ordered * _TOLERANCE_OF_RATIO:
        return f"it has {width}x{height} pixels, not {ordered_ratio}"
    if min(width, height) < request.resolution.short_side * _MIN_SHARE_OF_HEIGHT:
        return f"it has {width}x{height} pixels, not {request.resolution}"
    if request.audio is not None and request.audio != facts.has_audio:
        return "it has sound" if facts.has_audio else "it has no sound"
    if request.audio and facts.audio_seconds < seconds - tolerance:
        return f"it has {facts.audio_seconds:.1f} seconds of sound, not {seconds:.1f}"
    return None
