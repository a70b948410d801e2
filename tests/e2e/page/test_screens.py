"""Accessibility of each screen: axe, both themes, three widths, both languages."""

import random
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from local.database import firestore_of
from local.stack import Stack
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import NARROW, PHONE, WIDE

SCREENS = {
    "sign-in": ("/", None, ".sign-in button"),
    "usage": ("/usage", "준호", ".cap"),
    "admin": ("/admin", "서연", ".switch"),
}
# The cost of a video of 8 s in cents, and the bucket of its duration.
MADE = (
    ("runway", 40, "31"),
    ("gemini-veo-3.1", 320, "35"),
    ("gemini-omni-flash", 80, "33"),
)


@pytest.fixture
def _a_month(stack: Stack) -> None:
    """Write usage of the days before today, for Jun-ho and globally, as jobs would."""
    dice, today = random.Random(3), datetime.now(UTC).date()
    with closing(firestore_of(stack.firestore, stack.project)) as client:
        for day in (today - timedelta(days=n) for n in range(1, 30)):
            mine, everybodys = f"user.jun-ho.{day:%Y-%m}", f"all.{day:%Y-%m}.0"
            for name, most in ((mine, 3), (everybodys, 9)):
                models = {
                    model: _counts(dice.randint(0, most), cents=cents, bucket=bucket)
                    for model, cents, bucket in MADE
                }
                days = {"days": {f"d{day:%d}": models}}
                client.document(f"usage/{name}").set(days, merge=True)


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
def test_axe_finds_nothing_and_no_screen_scrolls_sideways(
    visit: Visit, screen: str
) -> None:
    path, user, shown = SCREENS[screen]
    visitor = visit(path, user=user)
    page = visitor.page
    expect(page.locator(shown).first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)

    for width in (WIDE, PHONE, NARROW):
        _resize(page, width)
        assert visitor.violations() == [], width
        assert not visitor.overflows(), width
        assert has_two_rows_at_most(page.locator("header")), width

    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert visitor.violations() == []
    assert not visitor.overflows()
    assert has_two_rows_at_most(page.locator("header"))


def has_two_rows_at_most(header: Locator) -> bool:
    """Links and buttons are 40 pixels high, with some room above them."""
    place = header.bounding_box()
    return place is not None and place["height"] < 2.5 * 40


# The background of each choice, the chosen one's first.
_BACKGROUNDS = """labels => labels
    .sort((a, b) => b.control.checked - a.control.checked)
    .map((label) => getComputedStyle(label).backgroundColor)"""


@pytest.mark.parametrize(
    ("path", "choices"), [("/", ".chips.duration .chip"), ("/usage", ".choice label")]
)
def test_forced_colours_show_what_is_chosen(
    visit: Visit, path: str, choices: str
) -> None:
    labels = visit(path, forced_colors="active").page.locator(choices)
    expect(labels.first).to_be_visible()

    chosen, *others = labels.evaluate_all(_BACKGROUNDS)

    assert chosen not in others[-1:]


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_browsers_larger_font_is_used_and_fits(visit: Visit, width: int) -> None:
    visitor = visit(width=width)
    page = visitor.page
    expect(page.locator(".price:not(.old)")).to_be_visible()
    sizes = {"fontSizes": {"standard": 32}}
    page.context.new_cdp_session(page).send("Page.setFontSizes", sizes)

    expect(page.locator("body")).to_have_css("font-size", "32px")
    assert not visitor.overflows()
    for part in (page.locator(".price"), page.locator("#prompt")):
        place = part.bounding_box()
        assert place is not None
        assert place["x"] + place["width"] < width


def test_targets_are_large_enough_for_fingers(visit: Visit) -> None:
    page = visit(width=PHONE, has_touch=True, is_mobile=True).page
    expect(page.locator(".price:not(.old)")).to_be_visible()
    page.locator("#prompt").fill("너구리")
    expect(page.locator(".english")).to_be_visible()

    targets = "header a, button:visible, label.button, .chip:visible, summary"
    heights = page.locator(targets).evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().height)"
    )

    assert min(heights) >= 44


def test_no_field_is_so_small_that_an_iphone_zooms_in_on_it(visit: Visit) -> None:
    page = visit().page
    page.locator("#prompt").fill("너구리")
    expect(page.locator(".english")).to_be_visible()
    page.get_by_role("button", name="주소로 가져오기").click()

    sizes = page.locator("textarea, select, [type=url]").evaluate_all(
        "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )

    assert min(sizes) >= 16


def test_nothing_lies_beside_the_camera_of_a_phone_on_its_side(visit: Visit) -> None:
    width, camera = 812, 59
    page = visit(width=width).page
    insets = {"insets": {"left": camera, "right": camera}}
    send = page.context.new_cdp_session(page).send
    send("Emulation.setSafeAreaInsetsOverride", insets)

    for part in (".mark", ".bar-end button", ".screen", ".make-button", ".library"):
        place = page.locator(part).last.bounding_box()
        assert place is not None
        # The buttons' text ends there: they have no visible edge.
        room = 6 if "bar-end" in part else 0
        assert place["x"] >= camera, part
        assert place["x"] + place["width"] <= width - camera + room, part


def test_a_low_window_has_no_bar_that_covers_half_of_it(visit: Visit) -> None:
    page = visit(width=PHONE).page
    bar = page.locator(".order-bar")
    expect(bar).to_have_css("position", "fixed")

    # A phone on its side, and a window at 400 %.
    for width, height in ((812, 375), (320, 256)):
        page.set_viewport_size({"width": width, "height": height})
        expect(bar).to_have_css("position", "static")


def test_the_stage_holds_its_buttons_in_a_low_window(visit: Visit) -> None:
    page = visit().page
    # A phone on its side, with the browser's own bars.
    page.set_viewport_size({"width": 844, "height": 260})

    stage, choices = page.locator(".invitation"), page.locator(".choices")
    inside, outside = choices.bounding_box(), stage.bounding_box()
    assert inside and outside
    assert inside["y"] + inside["height"] < outside["y"] + outside["height"]


def test_the_first_screen_says_that_ai_makes_the_videos(visit: Visit) -> None:
    page = visit(user=None).page

    expect(page.locator(".sign-in")).to_contain_text("AI가 만드는 영상")


def _resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
