"""A video is compared with the order: duration, shape, size, sound."""

from typing import Any

import pytest

from shared.domain.catalogue import AspectRatio, Resolution
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


@pytest.mark.parametrize(
    ("ordered", "video"),
    [
        pytest.param({}, {}, id="just as ordered"),
        pytest.param({}, {"duration_seconds": 8.3}, id="0.3 s more"),
        pytest.param({}, {"duration_seconds": 7.5}, id="half a second less"),
        pytest.param({}, {"duration_seconds": 7.25}, id="within a tenth"),
        pytest.param({}, {"has_audio": True}, id="sound that nobody asked about"),
        pytest.param(
            {}, {"width": 1248, "height": 704}, id="rounded to multiples of 16"
        ),
        pytest.param({}, {"width": 1920, "height": 1080}, id="more pixels"),
        pytest.param(
            {"aspect_ratio": AspectRatio.PORTRAIT},
            {"width": 720, "height": 1280},
            id="portrait",
        ),
        *(
            pytest.param(
                {"aspect_ratio": ratio}, {"width": width, "height": height}, id=ratio
            )
            for ratio, width, height in (
                ("1:1", 960, 960),
                ("4:3", 1104, 832),
                ("3:4", 832, 1104),
                ("21:9", 1584, 672),
            )
        ),
        pytest.param({"audio": True}, WITH_SOUND, id="sound as ordered"),
        pytest.param(
            {"audio": True},
            WITH_SOUND | {"audio_seconds": 7.5},
            id="half a second less of sound",
        ),
        pytest.param(
            {},
            WITH_SOUND | {"audio_seconds": 1.0},
            id="little sound that nobody asked about",
        ),
        pytest.param({"audio": False}, {}, id="silence as ordered"),
    ],
)
def test_a_video_as_ordered_is_accepted(ordered: Any, video: Any) -> None:
    assert compare(ordered, video) is None


@pytest.mark.parametrize(
    ("ordered", "video", "reason"),
    [
        pytest.param({}, {"duration_seconds": 7.1}, "7.1 seconds", id="too short"),
        pytest.param({}, {"duration_seconds": 9.0}, "9.0 seconds", id="too long"),
        pytest.param(
            {}, {"duration_seconds": 16.0}, "16.0 seconds", id="twice as long"
        ),
        pytest.param({}, {"width": 720, "height": 1280}, "16:9", id="upright"),
        pytest.param({}, {"width": 960, "height": 720}, "16:9", id="another shape"),
        pytest.param({}, {"width": 854, "height": 480}, "720p", id="fewer pixels"),
        pytest.param(
            {"resolution": Resolution.P1080}, {}, "1080p", id="720p for 1080p"
        ),
        pytest.param({"audio": True}, {}, "no sound", id="silent"),
        pytest.param(
            {"audio": True},
            WITH_SOUND | {"audio_seconds": 1.0},
            "1.0 seconds of",
            id="little sound",
        ),
        pytest.param(
            {"audio": False}, {"has_audio": True}, "has sound", id="not silent"
        ),
    ],
)
def test_a_video_not_as_ordered_is_refused(
    ordered: Any, video: Any, reason: str
) -> None:
    assert reason in (compare(ordered, video) or "")
