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

    assert look_into(video) == Seen(
        width=width,
        height=height,
        seconds=seconds,
        frames=seconds * 24,
        video_codec="h264",
        audio_codec="aac" if audio else None,
    )


def test_a_browser_can_start_before_all_is_there() -> None:
    video = render(image(), shape(), lambda _: None)

    assert 0 < video.find(b"moov") < video.find(b"mdat")


def test_the_colours_are_those_of_the_image() -> None:
    video = render(image("#f0d090"), shape(), lambda _: None)

    with av.open(io.BytesIO(video), "r") as container:
        frame = next(container.decode(video=0)).to_image()  # type: ignore[no-untyped-call]
    pixel = frame.getpixel((60, 30))
    assert isinstance(pixel, tuple)
    assert pixel == pytest.approx((0xF0, 0xD0, 0x90), abs=4)


def test_the_image_moves() -> None:
    slope = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(slope, "PNG")

    video = render(slope.getvalue(), shape(), lambda _: None)

    with av.open(io.BytesIO(video), "r") as container:
        frames = [bytes(frame.planes[0]) for frame in container.decode(video=0)]
    assert frames[0] != frames[-1]


def test_progress_only_grows_and_ends_at_one() -> None:
    told: list[float] = []

    render(image(), shape(), told.append)

    assert told == sorted(told)
    assert len(told) == 24
    assert told[-1] == 1.0


def test_a_render_can_be_given_up() -> None:
    told: list[float] = []

    def stop(fraction: float) -> None:
        told.append(fraction)
        raise RenderStoppedError

    with pytest.raises(RenderStoppedError):
        render(image(), shape(), stop)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("cached", "renders"),
    [pytest.param(True, 2, id="cached"), pytest.param(False, 3, id="not cached")],
)
def test_equal_orders_are_rendered_once_only_if_cached(
    cached: bool, renders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Shape] = []

    def counted(_: bytes, wanted: Shape, __: object) -> bytes:
        asked.append(wanted)
        return b"video"

    monkeypatch.setattr(rendering, "render", counted)
    renderer = Renderer(cached=cached)

    for wanted in (shape(), shape(), shape(audio=True)):
        renderer.render(image(), wanted, lambda _: None)

    assert len(asked) == renders
