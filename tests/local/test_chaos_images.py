"""Whose image a video shows can be told after it was encoded."""

import pytest
from av.error import FFmpegError
from PIL import Image

from local.fault_injection.images import (
    NoNumberError,
    image_of,
    number_in,
)
from local.simulators.images import (
    check_image,
    stand_in,
)
from local.simulators.render import Shape, render


def film(image: bytes) -> bytes:
    shape = Shape(width=320, height=180, duration_seconds=0.5)
    return render(image, shape, lambda _: None)


@pytest.mark.parametrize("number", [0, 1, 299, 40_000, 65_535])
def test_a_video_tells_its_number(number: int) -> None:
    image = image_of(number)
    check_image(image)

    assert number_in(film(image)) == number


def test_a_video_of_another_image_tells_none() -> None:
    with pytest.raises(NoNumberError):
        number_in(film(stand_in()))


def test_a_video_that_was_cut_does_not_play() -> None:
    whole = film(image_of(5))

    with pytest.raises((NoNumberError, FFmpegError)):
        number_in(whole[: len(whole) // 2])


def test_what_is_no_video_does_not_play() -> None:
    with pytest.raises(FFmpegError):
        number_in(Image.new("L", (8, 8)).tobytes())
