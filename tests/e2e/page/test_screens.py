"""Each screen for everybody's eyes: axe, both themes, phone and wide."""

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import NARROW, PHONE, WIDE

SCREENS = {
    "sign-in": ("/", None, ".sign-in button"),
    "usage": ("/usage", "Min-ji", ".cap"),
    "admin": ("/admin", "Seo-yeon", ".switch"),
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_on_any_screen_in_either_theme(
    visit: Visit, screen: str, theme: str
) -> None:
    path, user, shown = SCREENS[screen]
    visitor = visit(path, user=user, theme=theme)
    expect(visitor.page.locator(shown).first).to_be_visible()

    for width in (WIDE, PHONE):
        visitor.page.set_viewport_size({"width": width, "height": 800})
        assert visitor.violations() == []


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_screen_scrolls_sideways_on_a_phone(
    visit: Visit, screen: str, language: str
) -> None:
    path, user, shown = SCREENS[screen]
    visitor = visit(path, user=user, language=language, width=PHONE)
    expect(visitor.page.locator(shown).first).to_be_visible()

    for width in (PHONE, NARROW):
        visitor.page.set_viewport_size({"width": width, "height": 800})
        assert not visitor.overflows()
