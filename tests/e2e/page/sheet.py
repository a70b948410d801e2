"""Screenshots side by side: the images of the documentation.

With SCREENSHOTS=docs/images in the environment, `test_make_screens.py` writes them
there; otherwise nothing is kept.
"""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.e2e.visitor import PHONE, WIDE

FOLDER = os.environ.get("SCREENSHOTS", "")


@dataclass
class Sheet:
    """Screenshots by window width, in the order in which they were taken."""

    shots: dict[int, list[Image.Image]] = field(default_factory=dict)

    def add(self, width: int, page: Page) -> None:
        if FOLDER:
            png = page.screenshot(full_page=True)
            shot = Image.open(io.BytesIO(png)).convert("RGB")
            self.shots.setdefault(width, []).append(shot)

    def keep(self, name: str, *, large: int) -> None:
        """Save the phone's screens side by side; `large`: the wide one to save, too."""
        if not FOLDER:
            return
        sheet = _beside([shot.reduce(2) for shot in self.shots[PHONE]])
        sheet.save(Path(FOLDER) / f"page-{name}-{PHONE}.jpg", quality=65)
        self.shots[WIDE][large].save(Path(FOLDER) / f"page-{name}.jpg", quality=75)


def _beside(shots: list[Image.Image]) -> Image.Image:
    width, height = sum(s.width for s in shots), max(s.height for s in shots)
    sheet = Image.new("RGB", (width, height), shots[0].getpixel((0, 0)))
    left = 0
    for shot in shots:
        sheet.paste(shot, (left, 0))
        left += shot.width
    return sheet
