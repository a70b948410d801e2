"""Each screen for everybody: axe, both themes, phone and wide, both languages.

See sheet.py for the pictures that are made of them.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from playwright.sync_api import Locator, Page, expect

from local.stack import Stack
from tests.e2e.page.conftest import Visit
from tests.e2e.page.sheet import Sheet
from tests.e2e.visitor import NARROW, PHONE, WIDE

SCREENS = {
    "sign-in": ("/", None, ".sign-in button"),
    "usage": ("/usage", "Jun-ho", ".cap"),
    "admin": ("/admin", "Seo-yeon", ".switch"),
}
# What a video of 8 s costs, and the bucket of how long it took.
MADE = (
    ("runway", 40, "31"),
    ("gemini-veo-3.1", 320, "35"),
    ("gemini-omni-flash", 80, "33"),
)


@pytest.fixture
def _a_month(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The days before today, of Jun-ho and of everybody, as jobs would leave them."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stack.firestore)
    client: Any = firestore.Client(
        project=stack.project, credentials=AnonymousCredentials()
    )
    dice, today = random.Random(3), datetime.now(UTC).date()
    with closing(client):
        for day in (today - timedelta(days=n) for n in range(1, 30)):
            mine, everybodys = f"user.jun-ho.{day:%Y-%m}", f"all.{day:%Y-%m}.0"
            for name, most in ((mine, 3), (everybodys, 9)):
                models = {
                    model: _counts(dice.randint(0, most), cents=cents, bucket=bucket)
                    for model, cents, bucket in MADE
                }
                days = {"days": {f"d{day:%d}": models}}
                client.document(f"usage/{name}").set(days, merge=True)
    yield


def _counts(jobs: int, *, cents: int, bucket: str) -> dict[str, Any]:
    return {
        "jobs": jobs,
        "completed": jobs,
        "seconds": jobs * 8000,
        "cost": jobs * cents * 10_000,
        "attempts": jobs,
        "made_in": {bucket: jobs},
    }


@pytest.mark.usefixtures("_a_month")
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    visit: Visit, screen: str
) -> None:
    path, user, shown = SCREENS[screen]
    visitor = visit(path, user=user)
    page, sheet = visitor.page, Sheet()
    expect(page.locator(shown).first).to_be_visible()

    for width in (WIDE, PHONE, NARROW):
        _resize(page, width)
        assert visitor.violations() == [], width
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            if width != NARROW:
                sheet.add(width, page)
        assert not visitor.overflows(), width
        assert has_two_rows_at_most(page.locator("header")), width

    sheet.keep(screen)

    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert visitor.violations() == []
    assert not visitor.overflows()
    assert has_two_rows_at_most(page.locator("header"))


def has_two_rows_at_most(header: Locator) -> bool:
    """Of links and buttons, each 40 pixels high, with some room above them."""
    place = header.bounding_box()
    return place is not None and place["height"] < 2.5 * 40


def test_the_first_screen_says_that_videos_are_made_by_ai(visit: Visit) -> None:
    page = visit(user=None).page

    expect(page.locator(".sign-in")).to_contain_text("AI가 만드는 영상")


def _resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
