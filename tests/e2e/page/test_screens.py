"""Each screen for everybody: axe, both themes, phone and wide, both languages."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import NARROW, PHONE, WIDE

SCREENS = {
    "sign-in": ("/", None, ".sign-in button"),
    "usage": ("/usage", "Min-ji", ".cap"),
    "admin": ("/admin", "Seo-yeon", ".switch"),
}


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    visit: Visit, screen: str
) -> None:
    path, user, shown = SCREENS[screen]
    visitor = visit(path, user=user)
    page = visitor.page
    expect(page.locator(shown).first).to_be_visible()

    for width in (WIDE, PHONE, NARROW):
        _resize(page, width)
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            assert visitor.violations() == [], (width, theme)
        assert not visitor.overflows(), width

    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert visitor.violations() == []
    assert not visitor.overflows()


def _resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
