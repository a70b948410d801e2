"""An encoded video still shows which job's image it was made from."""

import pytest
from av.error import FFmpegError

from local.fault_injection.output_checks import NoNumberError, image_of, number_in
from local.simulators.images import check_image, stand_in
from local.simulators.render import Shape, render


def video_of(image: bytes) -> bytes:
    shape = Shape(width=320, height=180, duration_seconds=0.5)
    return render(image, shape, lambda _: None)


@pytest.mark.parametrize("number", [0, 1, 299, 40_000, 65_535])
def test_a_video_shows_its_number(number: int) -> None:
    image = image_of(number)
    check_image(image)

    assert number_in(video_of(image)) == number


@pytest.mark.parametrize(
    "mp4",
    [
        pytest.param(lambda: video_of(stand_in()), id="another image"),
        pytest.param(lambda: video_of(image_of(5))[:-300], id="cut off"),
        pytest.param(lambda: b"not a video", id="not a video"),
    ],
)
def test_any_other_file_shows_no_number(mp4: object) -> None:
    with pytest.raises((NoNumberError, FFmpegError)):
        number_in(mp4())  # type: ignore[operator]
