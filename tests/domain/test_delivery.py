"""A video is compared with the order: duration, shape, size, sound."""

from typing import Any

import pytest

from shared.domain.catalogue import AspectRatio
from shared.domain.delivery import VideoFacts, difference
from tests.domain.examples import a_job

GOOD = {
    "duration_seconds": 8.0,
    "width": 1280,
    "height": 720,
    "has_audio": False,
    "audio_seconds": 0.0,
}
WITH_SOUND = {"has_audio": True, "audio_seconds": 8.0}


def compare(ordered: dict[str, Any], video: dict[str, Any]) -> str | None:
    request = a_job(**ordered).request
    ratio = request.aspect_ratio or AspectRatio.LANDSCAPE
    seconds = request.duration_seconds
    facts = VideoFacts(**(GOOD | video))
    return difference(request, facts, ordered_seconds=seconds, ordered_ratio=ratio)


def size(width: int, height: int) -> dict[str, Any]:
    return {"width": width, "height": height}


def lasting(seconds: float) -> dict[str, Any]:
    return {"duration_seconds": seconds}


PORTRAIT, UPRIGHT = {"aspect_ratio": "9:16"}, size(720, 1280)
LOUD = {"audio": True}
AS_ORDERED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "just as ordered": ({}, {}),
    "0.3 s more": ({}, lasting(8.3)),
    "half a second less": ({}, lasting(7.5)),
    "within a tenth": ({}, lasting(7.25)),
    "half a second more than a short one": ({"duration": 4}, lasting(4.5)),
    "sound that nobody asked about": ({}, {"has_audio": True}),
    "little sound that nobody asked about": ({}, WITH_SOUND | {"audio_seconds": 1.0}),
    "rounded to multiples of 16": ({}, size(1248, 704)),
    "nine tenths as high": ({}, size(1152, 648)),
    "more pixels": ({}, size(1920, 1080)),
    "portrait": (PORTRAIT, UPRIGHT),
    "1:1": ({"aspect_ratio": "1:1"}, size(960, 960)),
    "4:3": ({"aspect_ratio": "4:3"}, size(1104, 832)),
    "3:4": ({"aspect_ratio": "3:4"}, size(832, 1104)),
    "21:9": ({"aspect_ratio": "21:9"}, size(1584, 672)),
    "sound as ordered": (LOUD, WITH_SOUND),
    "half a second less of sound": (LOUD, WITH_SOUND | {"audio_seconds": 7.5}),
    "half a second less of little sound": (
        {"duration": 4, **LOUD},
        WITH_SOUND | lasting(4.0) | {"audio_seconds": 3.5},
    ),
    "silence as ordered": ({"audio": False}, {}),
}
OTHERWISE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "too short": ({}, lasting(7.1), "7.1 seconds"),
    "too long": ({}, lasting(9.0), "9.0 seconds"),
    "twice as long": ({}, lasting(16.0), "16.0 seconds"),
    "upright": ({}, UPRIGHT, "16:9"),
    "another shape": ({}, size(960, 720), "16:9"),
    "fewer pixels": ({}, size(854, 480), "720p"),
    "720p for 1080p": ({"resolution": "1080p"}, {}, "1080p"),
    "silent": (LOUD, {}, "no sound"),
    "little sound": (LOUD, WITH_SOUND | {"audio_seconds": 1.0}, "1.0 seconds of"),
    "not silent": ({"audio": False}, {"has_audio": True}, "has sound"),
}


@pytest.mark.parametrize(("ordered", "video"), AS_ORDERED.values(), ids=AS_ORDERED)
def test_a_video_as_ordered_is_accepted(ordered: Any, video: Any) -> None:
    assert compare(ordered, video) is None


@pytest.mark.parametrize(
    ("ordered", "video", "reason"), OTHERWISE.values(), ids=OTHERWISE
)
def test_a_video_not_as_ordered_is_refused(
    ordered: Any, video: Any, reason: str
) -> None:
    assert reason in (compare(ordered, video) or "")
