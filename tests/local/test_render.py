"""The rendered MP4s: what a player needs of them, and how a render is watched."""

import io

import av
import pytest
from PIL import Image

from local.simulators import render as rendering
from local.simulators.render import Renderer, RenderStoppedError, Shape, render
from tests.local.simulated import Seen, image, look_into


def shape(**changes: object) -> Shape:
    values = {"width": 128, "height": 72, "duration_seconds": 1, "audio": False}
    return Shape(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("width", "height", "seconds", "audio"),
    [
        pytest.param(1280, 720, 1, True, id="720p with sound"),
        pytest.param(720, 1280, 1, False, id="upright"),
        pytest.param(128, 72, 2, True, id="sound that ends inside a frame"),
        pytest.param(1104, 832, 1, False, id="a width that planes are padded for"),
    ],
)
def test_the_video_is_exactly_what_was_asked_for(
    width: int, height: int, seconds: int, audio: bool
) -> None:
    asked = Shape(width=width, height=height, duration_seconds=seconds, audio=audio)

    video = render(image(), asked, lambda _: None)

    assert 0 < video.find(b"moov") < video.find(b"mdat")  # plays before all is there
    assert look_into(video) == Seen(
        width=width,
        height=height,
        seconds=seconds,
        frames=seconds * 24,
        video_codec="h264",
        audio_codec="aac" if audio else None,
    )


def frames_of(image: bytes) -> list[Image.Image]:
    with av.open(io.BytesIO(render(image, shape(), lambda _: None)), "r") as video:
        return [f.to_image() for f in video.decode(video=0)]


def test_the_colours_are_those_of_the_image() -> None:
    pixel = frames_of(image("#f0d090"))[0].getpixel((60, 30))

    assert isinstance(pixel, tuple)
    assert pixel == pytest.approx((0xF0, 0xD0, 0x90), abs=4)


def test_the_image_moves() -> None:
    slope = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(slope, "PNG")

    first, *_, last = frames_of(slope.getvalue())

    assert first.tobytes() != last.tobytes()


def test_progress_only_grows_and_a_render_can_be_given_up() -> None:
    told: list[float] = []

    def stop_half_way(fraction: float) -> None:
        told.append(fraction)
        if fraction >= 0.5:
            raise RenderStoppedError

    with pytest.raises(RenderStoppedError):
        render(image(), shape(), stop_half_way)

    assert told == [(n + 1) / 24 for n in range(12)]


@pytest.mark.parametrize(
    ("cached", "renders"),
    [pytest.param(True, 2, id="cached"), pytest.param(False, 3, id="not cached")],
)
def test_equal_orders_are_rendered_once_only_if_cached(
    cached: bool, renders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Shape] = []

    def counted(_: bytes, wanted: Shape, *__: object) -> bytes:
        asked.append(wanted)
        return b"video"

    monkeypatch.setattr(rendering, "render", counted)
    renderer = Renderer(cached=cached)

    for wanted in (shape(), shape(), shape(audio=True)):
        renderer.render(image(), wanted, lambda _: None)

    assert len(asked) == renders


def test_it_goes_from_the_first_image_to_the_last() -> None:
    video = render(image("#f00000"), shape(), lambda _: None, image("#0000f0"))

    with av.open(io.BytesIO(video), "r") as container:
        frames = [f.to_image() for f in container.decode(video=0)]
    first, last = frames[0].getpixel((60, 30)), frames[-1].getpixel((60, 30))
    assert first == pytest.approx((0xF0, 0, 0), abs=8)
    assert last == pytest.approx((0, 0, 0xF0), abs=8)
