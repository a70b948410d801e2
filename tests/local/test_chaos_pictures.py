"""Whose picture a video shows can be told after it was encoded."""

import pytest
from av.error import FFmpegError
from PIL import Image

from local.chaos.pictures import NoNumberError, number_in, picture_of
from local.simulators.pictures import check_picture, stand_in
from local.simulators.render import Shape, render


def film(picture: bytes) -> bytes:
    shape = Shape(width=320, height=180, duration_seconds=0.5)
    return render(picture, shape, lambda _: None)


@pytest.mark.parametrize("number", [0, 1, 299, 40_000, 65_535])
def test_a_video_tells_its_number(number: int) -> None:
    picture = picture_of(number)
    check_picture(picture)

    assert number_in(film(picture)) == number


def test_a_video_of_another_picture_tells_none() -> None:
    with pytest.raises(NoNumberError):
        number_in(film(stand_in()))


def test_a_video_that_was_cut_does_not_play() -> None:
    whole = film(picture_of(5))

    with pytest.raises((NoNumberError, FFmpegError)):
        number_in(whole[: len(whole) // 2])


def test_what_is_no_video_does_not_play() -> None:
    with pytest.raises(FFmpegError):
        number_in(Image.new("L", (8, 8)).tobytes())
