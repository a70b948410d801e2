"""Renders a playable MP4: a slow pan and zoom over an image, or a fade between two."""

import hashlib
import io
import math
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.filter
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image, ImageDraw, ImageFont, ImageOps

from local.fault_kinds import Kind

FRAMES_PER_SECOND = 24
_SCALE_MARGIN = 1.15  # how much larger than the frame the image is scaled
_MAX_CONCURRENT, _MAX_CACHED = 2, 64
_WATERMARK, _WATERMARK_OPACITY, _WHITE = "simulated", 170, 235
_SOUND_HZ, _CHORD_HZ = 48_000, (200, 250, 300)
_X264 = {"preset": "ultrafast", "crf": "23", "maxrate": "6M", "bufsize": "6M"}

Progress = Callable[[float], None]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The video to render; width and height in pixels, both even."""

    width: int
    height: int
    duration_seconds: float
    audio: bool = False
    frames_per_second: int = FRAMES_PER_SECOND

    @property
    def frame_count(self) -> int:
        return round(self.duration_seconds * self.frames_per_second)

    def under_fault(self, kind: Kind) -> "Shape":
        """The shape that a vendor delivers under a fault of `fault_kinds.RENDERED`."""
        if kind is Kind.WRONG_ASPECT:
            return replace(self, width=self.height, height=self.width)
        return replace(self, duration_seconds=self.duration_seconds / 2)


class RenderStoppedError(Exception):
    """Raised by a progress callback to abort a render."""


def render(
    image: bytes, shape: Shape, progress: Progress, last: bytes | None = None
) -> bytes:
    """An MP4 (H.264, moov first; AAC if `shape.audio`) of `image`, ending with `last`.

    Calls `progress` with 0..1 after every frame; an exception in it aborts the render.
    """
    first, mark = _canvas(image, shape), _watermark(shape)
    canvas = [first, _canvas(last, shape) if last else first]
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        # A real file, because +faststart reads back what it has written.
        path = Path(folder) / "video.mp4"
        _encode(path, canvas, mark, shape, progress)
        return path.read_bytes()


class Renderer:
    """Renders with limited concurrency, and caches videos."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(_MAX_CONCURRENT)
        self._videos: dict[tuple[str, Shape], bytes] = {}

    def render(
        self, image: bytes, shape: Shape, progress: Progress, last: bytes | None = None
    ) -> bytes:
        key = (hashlib.sha256(image + (last or b"")).hexdigest(), shape)
        with self._slots:
            video = self._videos.get(key) or render(image, shape, progress, last)
            self._videos[key] = video
            for old in list(self._videos)[:-_MAX_CACHED]:
                self._videos.pop(old, None)
        progress(1.0)
        return video


def _canvas(image: bytes, shape: Shape) -> list[Image.Image]:
    """The image's three planes in yuv420p, somewhat larger than the frame."""
    size = (
        math.ceil(shape.width * _SCALE_MARGIN),
        math.ceil(shape.height * _SCALE_MARGIN),
    )
    with Image.open(io.BytesIO(image)) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    filled = ImageOps.fit(upright, size, Image.Resampling.BICUBIC)
    whole: av.VideoFrame = av.VideoFrame.from_image(filled)
    frame = whole.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.MPEG,
        # FFmpeg keeps further threads for the next frame, which hangs in a fork.
        threads=1,
    )
    return [
        Image.frombytes(
            "L", (plane.width, plane.height), bytes(plane), "raw", "L", plane.line_size
        )
        for plane in frame.planes
    ]


def _watermark(shape: Shape) -> Image.Image:
    """The watermark in the corner of every frame, as a mask."""
    font = ImageFont.load_default(max(8, shape.height // 36))
    left, top, right, bottom = (round(side) for side in font.getbbox(_WATERMARK))
    mask = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(mask).text(
        (-left, -top), _WATERMARK, font=font, fill=_WATERMARK_OPACITY
    )
    return mask


def _encode(
    path: Path,
    canvas: list[list[Image.Image]],
    mark: Image.Image,
    shape: Shape,
    progress: Progress,
) -> None:
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", shape.frames_per_second, options=_X264)
        video.width, video.height, video.pix_fmt = shape.width, shape.height, "yuv420p"
        video.time_base = Fraction(1, shape.frames_per_second)
        video.thread_count = 2
        video.codec_context.colorspace = Colorspace.ITU601
        video.codec_context.color_range = ColorRange.MPEG
        if shape.audio:
            # Before the first video packet: the header names every stream.
            sound = container.add_stream("aac", rate=_SOUND_HZ, layout="mono")
            for tones in _tones(shape.duration_seconds):
                container.mux(sound.encode(tones))
            container.mux(sound.encode(None))
        for index in range(shape.frame_count):
            container.mux(video.encode(_frame(canvas, mark, shape, index)))
            progress((index + 1) / shape.frame_count)
        container.mux(video.encode(None))


def _tones(seconds: float) -> Iterator[av.AudioFrame]:
    """A soft chord of exactly this duration, faded in and out."""
    tones = "+".join(f"sin({hertz}*2*PI*t)" for hertz in _CHORD_HZ)
    fades = f"min(1,t/0.4)*min(1,({seconds}-t)/0.4)"
    graph = av.filter.Graph()
    source = graph.add(
        "aevalsrc", f"exprs=0.03*({tones})*{fades}:s={_SOUND_HZ}:d={seconds}"
    )
    graph.link_nodes(source, graph.add("abuffersink")).configure()
    with suppress(EOFError):
        while True:
            yield cast(av.AudioFrame, graph.pull())


def _frame(
    canvas: list[list[Image.Image]], mark: Image.Image, shape: Shape, index: int
) -> av.VideoFrame:
    frame = av.VideoFrame(shape.width, shape.height, "yuv420p")
    eased = _eased(index / max(1, shape.frame_count - 1))
    first, last = canvas
    stills = (
        [Image.blend(one, other, eased) for one, other in zip(first, last, strict=True)]
        if first is not last
        else first
    )
    box = _view(eased)
    seen = [
        still.resize(
            (plane.width, plane.height),
            Image.Resampling.BILINEAR,
            box=_scaled(box, still.size),
        )
        for still, plane in zip(stills, frame.planes, strict=True)
    ]
    margin = max(2, shape.height // 60)  # bottom right
    corner = (shape.width - mark.width - margin, shape.height - mark.height - margin)
    seen[0].paste(_WHITE, corner, mark)
    for image, plane in zip(seen, frame.planes, strict=True):
        plane.update(image.tobytes("raw", "L", plane.line_size, 1))
    frame.pts = index
    frame.time_base = Fraction(1, shape.frames_per_second)
    return frame


def _eased(moment: float) -> float:
    """Ease-in and ease-out of `moment`, which runs from 0 to 1."""
    return (1 - math.cos(math.pi * moment)) / 2


def _view(eased: float) -> Box:
    """The visible box, as shares of the canvas; it zooms in and moves to the right."""
    side = 1 - (1 - 1 / _SCALE_MARGIN) * eased
    left = (1 - side) * (0.2 + 0.6 * eased)
    top = (1 - side) / 2
    return (left, top, left + side, top + side)


def _scaled(box: Box, size: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    width, height = size
    return (
        left * width,
        top * height,
        min(right * width, width),
        min(bottom * height, height),
    )
