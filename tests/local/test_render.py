"""Rendered MP4s: what players need, and following a render's progress."""

import io

import av
import pytest
from PIL import Image

from local.simulators import render as rendering
from local.simulators.render import Renderer, RenderStoppedError, Shape, render
from tests.local.simulated import Contents, contents_of, image


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
def test_a_rendered_video_is_as_requested(
    width: int, height: int, seconds: int, audio: bool
) -> None:
    asked = Shape(width=width, height=height, duration_seconds=seconds, audio=audio)

    video = render(image(), asked, lambda _: None)

    assert 0 < video.find(b"moov") < video.find(b"mdat")  # plays before all is there
    assert contents_of(video) == Contents(
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


def test_progress_only_grows_and_a_render_can_be_abandoned() -> None:
    told: list[float] = []

    def stop_half_way(fraction: float) -> None:
        told.append(fraction)
        if fraction >= 0.5:
            raise RenderStoppedError

    with pytest.raises(RenderStoppedError):
        render(image(), shape(), stop_half_way)

    assert told == [(n + 1) / 24 for n in range(12)]


def test_equal_videos_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Shape] = []

    def counted(_: bytes, wanted: Shape, *__: object) -> bytes:
        asked.append(wanted)
        return b"video"

    monkeypatch.setattr(rendering, "render", counted)
    renderer = Renderer()

    for wanted in (shape(), shape(), shape(audio=True)):
        renderer.render(image(), wanted, lambda _: None)

    assert asked == [shape(), shape(audio=True)]
