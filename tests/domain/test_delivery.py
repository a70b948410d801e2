"""What is handed out is what was ordered."""

from typing import Any

import pytest

from shared.domain.catalogue import AspectRatio, Resolution
from shared.domain.delivery import difference
from tests.domain.examples import a_job

GOOD = {
    "ordered_seconds": 8,
    "duration_seconds": 8.0,
    "width": 1280,
    "height": 720,
    "has_audio": False,
    "audio_seconds": 0.0,
}
LOUD = {"has_audio": True, "audio_seconds": 8.0}


def compare(asked: dict[str, Any], came: dict[str, Any]) -> str | None:
    request = a_job(**asked).request
    ratio = request.aspect_ratio or AspectRatio.LANDSCAPE
    return difference(request, ordered_ratio=ratio, **(GOOD | came))


@pytest.mark.parametrize(
    ("asked", "came"),
    [
        pytest.param({}, {}, id="just as ordered"),
        pytest.param({}, {"duration_seconds": 8.3}, id="0.3 s more"),
        pytest.param({}, {"duration_seconds": 7.5}, id="half a second less"),
        pytest.param({}, {"duration_seconds": 7.25}, id="within a tenth"),
        pytest.param({}, {"has_audio": True}, id="sound that doesn't matter"),
        pytest.param({}, {"width": 1248, "height": 704}, id="a coder's multiple of 16"),
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
        pytest.param({"audio": True}, LOUD, id="sound as asked"),
        pytest.param(
            {"audio": True},
            LOUD | {"audio_seconds": 7.5},
            id="sound half a second less",
        ),
        pytest.param({}, LOUD | {"audio_seconds": 1.0}, id="little, and it's all one"),
        pytest.param({"audio": False}, {}, id="silence as asked"),
    ],
)
def test_what_was_ordered_is_taken(asked: Any, came: Any) -> None:
    assert compare(asked, came) is None


@pytest.mark.parametrize(
    ("asked", "came", "said"),
    [
        pytest.param({}, {"duration_seconds": 7.1}, "7.1 seconds", id="too short"),
        pytest.param({}, {"duration_seconds": 9.0}, "9.0 seconds", id="too long"),
        pytest.param({}, {"ordered_seconds": 4}, "8.0 seconds", id="twice as long"),
        pytest.param({}, {"width": 720, "height": 1280}, "16:9", id="upright"),
        pytest.param({}, {"width": 960, "height": 720}, "16:9", id="another shape"),
        pytest.param({}, {"width": 854, "height": 480}, "720p", id="fewer pixels"),
        pytest.param(
            {"resolution": Resolution.P1080}, {}, "1080p", id="720p for 1080p"
        ),
        pytest.param({"audio": True}, {}, "no sound", id="silent"),
        pytest.param(
            {"audio": True},
            LOUD | {"audio_seconds": 1.0},
            "1.0 seconds of",
            id="little",
        ),
        pytest.param({"audio": False}, {"has_audio": True}, "has sound", id="loud"),
    ],
)
def test_what_was_not_ordered_is_refused(asked: Any, came: Any, said: str) -> None:
    assert said in (compare(asked, came) or "")
