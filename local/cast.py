"""Records the README's pictures from a real demo: the terminal while a job is handed
over to Veo, and a frame of the video.
"""

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console, Group, RenderableType
from rich.segment import Segment
from rich.text import Text

from local.demo.options import OUT, DemoError, DemoOptions, validated
from local.demo.run import NEXT, Demo, result
from local.demo.view import attempts_table, live

COMMAND = "make demo FAULTS=runway,runway-http"
_FONTS = ("DejaVuSansMono", "Menlo", "Consolas", "LiberationMono-Regular")
_BOLD_FONTS = ("DejaVuSansMono-Bold", "Menlo", "Consolas", "LiberationMono-Bold")
_COLUMNS, _ROWS, _FONT_SIZE, _LINE_PIXELS, _MARGIN = 78, 27, 15, 20, 16
_BACKGROUND, _FOREGROUND = (13, 17, 23), (201, 209, 217)
_COLOURS = {
    "green": (63, 185, 80),
    "yellow": (210, 153, 34),
    "cyan": (57, 197, 207),
    "red": (248, 81, 73),
}
_FRAME_INTERVAL = timedelta(seconds=0.5)
_STEP_MS, _TYPED_MS, _LAST_MS = 200, 1200, 5000
_STILL_POSITION = 0.5  # as a share of the video


@dataclass(frozen=True, slots=True)
class _Frame:
    image: Image.Image
    milliseconds: int


def make(folder: Path) -> None:
    """Write handover.gif and frame.jpg, always with simulators."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME")}
    options = DemoOptions(environ=environ, faults="runway,runway-http")
    output = io.StringIO()
    console = Console(file=output, width=_COLUMNS)
    demo = Demo(environ=environ, request=validated(options), console=console)
    if demo.run():
        raise DemoError("The demo failed: " + output.getvalue())
    folder.mkdir(parents=True, exist_ok=True)
    _write_gif(folder / "handover.gif", list(_frames(demo, _Screen())))
    _still(OUT / "latest.mp4").save(folder / "frame.jpg", quality=85)


def _write_gif(path: Path, frames: Sequence[_Frame]) -> None:
    first, *rest = [frame.image.quantize(64) for frame in frames]
    first.save(
        path,
        save_all=True,
        append_images=rest,
        duration=[frame.milliseconds for frame in frames],
        loop=0,
        optimize=True,
    )


def _still(video: Path) -> Image.Image:
    with av.open(str(video)) as container:
        wanted = int(container.streams.video[0].frames * _STILL_POSITION)
        frame: Any = next(islice(container.decode(video=0), wanted, None))
        image: Image.Image = frame.to_image()
        return image


def _frames(demo: Demo, screen: "_Screen") -> Iterator[_Frame]:
    """Frames from the command to the table, one per half-second of the job."""
    typed = Text.assemble(("$ ", "green"), (COMMAND, "bold"))
    money, *notices = map(Text.from_markup, demo.beforehand)
    yield _Frame(screen.draw(typed), _TYPED_MS)
    yield _Frame(screen.draw(typed, money, Text("◌ Starting the stack …")), _TYPED_MS)
    head = (typed, money, *notices, Text(f"Job {demo.job_id}\n"))
    for now, job in _moments(demo.history):
        shown = live(job, demo.chain, now)
        yield _Frame(screen.draw(*head, shown), _STEP_MS)
    now, job = demo.history[-1]
    table = attempts_table(demo.job, width=_COLUMNS)
    end = Text.from_markup(result(demo.job, OUT / "latest.mp4", is_real=False))
    final = (live(job, demo.chain, now), table, end, Text.from_markup(NEXT))
    yield _Frame(screen.draw(*head, *final), _LAST_MS)


def _moments(
    history: Sequence[tuple[datetime, dict[str, object]]],
) -> Iterator[tuple[datetime, dict[str, object]]]:
    now, end = history[0][0], history[-1][0]
    while now <= end:
        yield now, [job for at, job in history if at <= now][-1]
        now += _FRAME_INTERVAL


class _Screen:
    """A terminal of fixed size that draws what rich renders as an image."""

    def __init__(self) -> None:
        self._plain, self._bold = _font(_FONTS), _font(_BOLD_FONTS)
        self._cell = round(self._plain.getlength("M"))
        self._console = Console(width=_COLUMNS, file=io.StringIO(), force_terminal=True)

    def draw(self, *shown: RenderableType) -> Image.Image:
        size = (_COLUMNS * self._cell, _ROWS * _LINE_PIXELS)
        image = Image.new("RGB", [side + 2 * _MARGIN for side in size], _BACKGROUND)
        lines = self._console.render_lines(Group(*shown))
        for row, line in enumerate(lines[-_ROWS:]):
            self._draw_line(ImageDraw.Draw(image), row, line)
        return image

    def _draw_line(
        self, canvas: ImageDraw.ImageDraw, row: int, line: Sequence[Segment]
    ) -> None:
        column = 0
        for segment in line:
            font = self._bold if segment.style and segment.style.bold else self._plain
            for character in segment.text:
                x = _MARGIN + column * self._cell
                y = _MARGIN + row * _LINE_PIXELS
                canvas.text((x, y), character, font=font, fill=_colour(segment))
                column += 1


def _colour(segment: Segment) -> tuple[int, int, int]:
    style = segment.style
    name = style.color.name if style and style.color else ""
    colour = _COLOURS.get(name, _FOREGROUND)
    if style and style.dim:
        mixed = [(a + b) // 2 for a, b in zip(colour, _BACKGROUND, strict=True)]
        return mixed[0], mixed[1], mixed[2]
    return colour


def _font(names: Sequence[str]) -> ImageFont.FreeTypeFont:
    for name in names:
        try:
            return ImageFont.truetype(name, _FONT_SIZE)
        except OSError:
            continue
    raise DemoError(f"No font was found; install one of {', '.join(names)}.")
